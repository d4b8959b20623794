"""Takes samples from a live camera and arm: whenever the arm rests in a new posture and the board can be seen."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from rclpy.time import Time
from scipy.spatial.transform import Rotation
from sdm_core import camera_topics
from sdm_core.errors import ObservationError, SdmError
from sdm_core.perception.point_cloud import Intrinsics
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage
from tf2_ros import Buffer, TransformException, TransformListener

from sdm_policy_node.calibration.boards import Board
from sdm_policy_node.calibration.samples import CameraModel, SampleFolder, Shot, pose_matrix
from sdm_policy_node.sources.colour_images import colour_pixels
from sdm_policy_node.time_stamps import to_ns

# An arm that moved by no more than this (m, rad) in the last half second rests, and image and pose are of one instant.
_REST_NS, _REST_M, _REST_RAD = 500_000_000, 5e-4, 2e-3
# A posture is new when it lies so far (m, rad) from all before it.
_NEW_M, _NEW_RAD = 0.03, 0.15
# Whoever has waited so long (s) is told for what.
_PATIENCE_S = 3.0
# So many coefficients OpenCV takes of a rational_polynomial; what is left out at the end is zero.
_RATIONAL = (4, 5, 8, 12, 14)
_STATIC = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Collector:
    """Listens until `wanted` samples are there. The arm is moved by other means, by hand or by its own program."""

    def __init__(
        self,
        node: Node,
        folder: Path,
        board: Board,
        wanted: int,
        camera: str,
        link: str,
        say: Callable[[str], None],
        namespace: str = camera_topics.NAMESPACE,
    ) -> None:
        """`link`: the frame of the camera's own tree that is to be placed, empty for its optical frame; `say` gets a
        line for each sample, and for what one has to wait for; `namespace`: of the cameras' drivers."""
        if SampleFolder.begun(folder):
            raise SdmError(f"{folder}: holds samples already; choose another folder, or solve those without --collect")
        self._node, self._path, self._board, self._wanted, self._link = node, folder, board, wanted, link
        self._say = say
        self._hindrance, self._waiting_for, self._said = "", "", ""
        self.folder: SampleFolder | None = None
        self._lens: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._poses: deque[tuple[int, NDArray[np.float64], str]] = deque()
        self._tf = Buffer()
        self._listener = TransformListener(self._tf, node)
        self._parents: dict[str, str] = {}
        node.create_subscription(TFMessage, "/tf_static", self._on_static, _STATIC)
        self._topic, self._info_topic = (
            camera_topics.colour_image(camera, namespace),
            camera_topics.colour_info(camera, namespace),
        )
        node.create_subscription(CameraInfo, self._info_topic, self._on_info, qos_profile_sensor_data)
        node.create_subscription(Image, self._topic, self._on_image, qos_profile_sensor_data)
        node.create_subscription(PoseStamped, "current_pose", self._on_pose, qos_profile_sensor_data)
        self._images = 0
        node.create_timer(_PATIENCE_S, self._tell_hindrance)

    @property
    def done(self) -> bool:
        """Whether there are enough samples."""
        return self.folder is not None and len(self.folder.shots) >= self._wanted

    def _tell_hindrance(self) -> None:
        """Says what has been in the way for a while, once."""
        before, self._waiting_for = self._waiting_for, self._missing() or self._hindrance
        self._images = 0
        lasts, is_new = self._waiting_for == before, self._waiting_for != self._said
        if self._waiting_for and lasts and is_new:
            self._said = self._waiting_for
            self._say(f"waiting: {self._waiting_for}")

    def _missing(self) -> str:
        if not self._images:
            return f"no image on {self._topic}; is the camera's driver running, with its colour stream?"
        if self._lens is None:
            return f"no camera_info on {self._info_topic}"
        return "" if self._poses else "no pose on current_pose; is the arm's controller running?"

    def _on_static(self, message: TFMessage) -> None:
        self._parents |= {link.child_frame_id: link.header.frame_id for link in message.transforms}

    def _on_info(self, message: CameraInfo) -> None:
        self._lens = np.array(message.k, np.float64).reshape(3, 3), _distortion(message, self._info_topic)

    def _on_pose(self, message: PoseStamped) -> None:
        stamp_ns, p, q = to_ns(message.header.stamp), message.pose.position, message.pose.orientation
        self._poses.append((stamp_ns, pose_matrix((p.x, p.y, p.z, q.x, q.y, q.z, q.w)), message.header.frame_id))
        while self._poses[0][0] < stamp_ns - 2 * _REST_NS:
            self._poses.popleft()

    def _on_image(self, message: Image) -> None:
        self._images += 1
        if self._lens is None or not self._poses or self.done:
            return
        self._hindrance = self._sample(message)
        if not self._hindrance:
            assert self.folder
            self._said = ""
            self._say(
                f"sample {len(self.folder.shots)} of {self._wanted}; go on to another posture, tilted another way"
            )

    def _sample(self, message: Image) -> str:
        """Takes a sample, or says why not."""
        pose = self._resting(to_ns(message.header.stamp))
        shots = self.folder.shots if self.folder else []
        if pose is None:
            return "the arm moves, or its poses do not have the clock of the images"
        if any(_near(pose, shot.tool_in_base, _NEW_M, _NEW_RAD) for shot in shots):
            return "this posture is like one before; tilt the hand another way"
        grey = np.rint(colour_pixels(message, self._topic).mean(axis=2)).astype(np.uint8)
        if self._board.find(grey) is None:
            return "the board cannot be seen whole; check --size, the light, and that nothing covers it"
        if self.folder is None:
            camera = self._camera_model(message.header.frame_id)
            if camera is None:
                return f"tf knows no pose of '{message.header.frame_id}' in '{self._link}'; is the driver running?"
            self.folder = SampleFolder(self._path, camera, self._poses[-1][2])
        self.folder.add(Shot(grey, pose))
        return ""

    def _resting(self, stamp_ns: int) -> NDArray[np.float64] | None:
        """The tool's pose around a stamp, if it has not moved since `_REST_NS` before."""
        around = [pose for stamp, pose, _ in self._poses if stamp_ns - _REST_NS <= stamp <= stamp_ns]
        known_for = stamp_ns - self._poses[0][0] if self._poses else 0
        if len(around) < 2 or known_for < _REST_NS:
            return None
        return around[-1] if all(_near(pose, around[-1], _REST_M, _REST_RAD) for pose in around) else None

    def _camera_model(self, frame: str) -> CameraModel | None:
        assert self._lens is not None
        self._require_free(frame)
        link, optical_in_link = self._link or frame, np.eye(4)
        if link != frame:
            try:
                found = self._tf.lookup_transform(link, frame, Time()).transform
            except TransformException:
                return None
            t, r = found.translation, found.rotation
            optical_in_link = pose_matrix((t.x, t.y, t.z, r.x, r.y, r.z, r.w))
        return CameraModel(frame, *self._lens, link, optical_in_link)

    def _require_free(self, frame: str) -> None:
        """A frame has one parent. Raises SdmError where somebody else's tree has the optical one already: placed by a
        calibration it would be torn out of there, away from the depth camera's."""
        parent = self._parents.get(frame)
        if not self._link and parent and parent != self._poses[-1][2]:
            raise SdmError(
                f"tf has '{frame}' in '{parent}' already; place the root of that tree instead, as --link camera_link"
            )


def _distortion(info: CameraInfo, topic: str) -> NDArray[np.float64]:
    """The lens's coefficients [D] as OpenCV takes them: all zero, plumb_bob's or rational_polynomial's. Raises SdmError
    where the lens is another one, or the focal length is not positive."""
    Intrinsics.from_camera_info(info.k, info.width, info.height)
    d, model = [float(value) for value in info.d], info.distortion_model
    if model == "rational_polynomial" and len(d) in _RATIONAL and np.isfinite(d).all():
        return np.array(d)
    try:
        return np.array(Intrinsics.from_camera_info(info.k, info.width, info.height, d, model).distortion)
    except ObservationError:
        raise SdmError(
            f"{topic} has the distortion_model '{model}' with coefficients {d}, and only plumb_bob's and "
            "rational_polynomial's are known; publish rectified colour, with a camera_info without distortion"
        ) from None


def _near(first: NDArray, second: NDArray, metres: float, radians: float) -> bool:
    turn = Rotation.from_matrix(first[:3, :3].T @ second[:3, :3]).magnitude()
    return bool(np.linalg.norm(first[:3, 3] - second[:3, 3]) < metres and turn < radians)
