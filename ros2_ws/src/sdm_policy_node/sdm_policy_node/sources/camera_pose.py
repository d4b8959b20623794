"""The camera's pose in the policy's base frame, from tf at the image's stamp."""

from __future__ import annotations

import time
from collections.abc import Iterable

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.time import Time
from sdm_core.errors import ObservationError
from sdm_core.perception.point_cloud import Extrinsics
from sdm_core.perception.static_transforms import StaticTransform
from sdm_core.stream_guard import RESTART_NS
from tf2_ros import Buffer, TransformException, TransformListener

from sdm_policy_node.time_stamps import to_ns

_POLL_S = 0.002


class _PoseBuffer(Buffer):
    """Forgets all but static links where one's stamps go back so far that the clock was set back: what it holds would
    be taken for the new clock's, or keep that out as too old."""

    def __init__(self) -> None:
        super().__init__()
        self._newest_ns: dict[str, int] = {}

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        stamp_ns, child = to_ns(transform.header.stamp), transform.child_frame_id
        if self._newest_ns.get(child, stamp_ns) - stamp_ns > RESTART_NS:
            self.clear()
        self._newest_ns[child] = stamp_ns
        super().set_transform(transform, authority)

    def clear(self) -> None:
        self._newest_ns.clear()
        super().clear()


class CameraPose:
    """Looks poses up off the executor, which goes on receiving tf meanwhile.

    A pose that consists of static transforms alone is looked up once, until `look_up_anew`; one that moves is looked up
    at every image's stamp. The wait is on the wall clock: a simulated clock stands still while the graph waits for this
    very observation.
    """

    def __init__(self, node: Node, frame: str, timeout_s: float) -> None:
        """`frame` overrides the frame that a camera's messages name; empty does not."""
        self._frame = frame
        self._timeout_s = timeout_s
        self._buffer = _PoseBuffer()
        self._listener = TransformListener(self._buffer, node)
        self._static: dict[tuple[str, str], Extrinsics] = {}

    def add_static(self, transforms: Iterable[StaticTransform]) -> None:
        """Adds links of tf that nobody publishes, such as a calibration's."""
        for transform in transforms:
            self._buffer.set_transform_static(_message(transform), "calibration")

    def forget(self) -> None:
        """The clock was set back: poses of the old one bear stamps that come again. Static links stay."""
        self._buffer.clear()

    def look_up_anew(self) -> None:
        """Poses that stand still were perhaps calibrated again: they count as tf has them now."""
        self._static.clear()

    def extrinsics(self, base: str, camera: str, stamp_ns: int) -> Extrinsics:
        """Pose of the camera's frame in `base`. Raises ObservationError if tf does not know it in time."""
        camera = self._frame or camera
        known = self._static.get((base, camera))
        if known:
            return known
        stamp = Time(nanoseconds=stamp_ns)
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:  # and not can_transform first: the executor may forget between the two
                extrinsics = _extrinsics(self._buffer.lookup_transform(base, camera, stamp))
                # tf stamps the latest common time of a chain without moving parts with zero.
                if to_ns(self._buffer.lookup_transform(base, camera, Time()).header.stamp) == 0:
                    self._static[base, camera] = extrinsics
                return extrinsics
            except TransformException:
                if time.monotonic() > deadline:
                    raise ObservationError(
                        f"tf knows no pose of '{camera}' in '{base}' at the image's stamp; publish it, name "
                        "sdm-calibrate's file (extrinsics), or set camera_frame"
                    ) from None
            time.sleep(_POLL_S)


def _extrinsics(transform: TransformStamped) -> Extrinsics:
    rotation, translation = transform.transform.rotation, transform.transform.translation
    return Extrinsics((rotation.x, rotation.y, rotation.z, rotation.w), (translation.x, translation.y, translation.z))


def _message(transform: StaticTransform) -> TransformStamped:
    message = TransformStamped(child_frame_id=transform.child)
    message.header.frame_id = transform.parent
    rotation, translation = message.transform.rotation, message.transform.translation
    rotation.x, rotation.y, rotation.z, rotation.w = transform.pose.quaternion_xyzw
    translation.x, translation.y, translation.z = transform.pose.translation
    return message
