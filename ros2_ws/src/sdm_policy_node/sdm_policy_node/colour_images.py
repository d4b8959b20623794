"""Colour images of one or several cameras, found by stamp."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.camera_topics import colour_image
from sdm_core.contract import Contract
from sdm_core.errors import ObservationError
from sdm_core.images import COLOUR_ENCODINGS, ImagePipeline
from sensor_msgs.msg import Image

from sdm_policy_node.observation_source import Frame, sensor_qos
from sdm_policy_node.time_stamps import to_ns

# Stamps of one instant differ by the rounding and the jitter of the clocks behind them. It is far less than half of any
# camera's period: no image that is nearer can follow one that lies so close.
_SAME_INSTANT_NS = 2_000_000


class ColourImages:
    """Keeps the messages of each camera by stamp; makes the contract's images of those nearest to a frame's.

    Which one is nearest is known once each camera has reached the frame's stamp (`ready`), and does not depend on the
    order of arrival. Whoever cannot wait longer gets the nearest one that has come, within the greatest skew.
    It subscribes as soon as it is made, so that live cameras can be compared with a contract before anything acts.
    """

    def __init__(
        self,
        node: Node,
        cameras: tuple[str, ...],
        reliable: bool,
        deliver: Callable[[Frame], None] | None = None,
        depth: int = 5,
        *,
        max_age_s: float,
    ) -> None:
        """`deliver`, where it is given, is called on the executor's thread with every frame of the first camera.
        `max_age_s`: how far a frame may lie behind the newest image, and still find its own."""
        self.cameras = cameras
        self._deliver = deliver
        self._lock = threading.Lock()
        self._kept_ns = self._max_age_ns = int(max_age_s * 1e9)
        self._seen: dict[str, dict[int, Image]] = {camera: {} for camera in cameras}
        for camera in cameras:
            node.create_subscription(
                Image, colour_image(camera), partial(self._on_image, camera), sensor_qos(reliable, depth)
            )

    def _on_image(self, camera: str, message: Image) -> None:
        stamp_ns, seen = to_ns(message.header.stamp), self._seen[camera]
        with self._lock:
            if seen and stamp_ns < next(reversed(seen)):  # a simulation that begins again, with stamps seen before
                seen.clear()
            for old in [kept for kept in seen if kept < stamp_ns - self._kept_ns]:
                del seen[old]
            seen[stamp_ns] = message
        if self._deliver and camera == self.cameras[0]:
            self._deliver(Frame.of(message))

    def differences(self, contract: Contract) -> list[str]:
        """One line for each camera whose images, as far as they were heard, are not the contract's."""
        lines = []
        for image in contract.observation.images:
            wanted, message = contract.observation.colour_camera(image.camera), self._latest(image.camera)
            if message is None:
                continue
            if message.encoding not in COLOUR_ENCODINGS:
                lines.append(
                    f"colour encoding of '{colour_image(image.camera)}' is '{message.encoding}', "
                    f"{' or '.join(COLOUR_ENCODINGS)} expected"
                )
            if (message.width, message.height) != (wanted.width, wanted.height):
                lines.append(
                    f"'{colour_image(image.camera)}' is {message.width}×{message.height}, "
                    f"the contract {wanted.width}×{wanted.height}; set the camera's colour profile"
                )
        return lines

    def configure(self, contract: Contract, max_skew_s: float) -> None:
        """Prepares to make the images of this contract; `max_skew_s` 0 means half a control period."""
        self._pipelines = {image.camera: ImagePipeline(contract, image) for image in contract.observation.images}
        self._max_skew_ns = int(max_skew_s * 1e9) or contract.dt_ns // 2
        self._kept_ns = self._max_age_ns + self._max_skew_ns

    def ready(self, stamp_ns: int) -> bool:
        """Whether every camera has reached this stamp, so that its nearest image is here."""
        with self._lock:
            return all(next(reversed(seen), -1) >= stamp_ns - _SAME_INSTANT_NS for seen in self._seen.values())

    def images(self, stamp_ns: int) -> dict[str, NDArray[np.uint8]]:
        """The contract's image rgb8 [H,W,3] of each camera, the nearest to this stamp that has come. Raises
        ObservationError where one is bad, or none lies within the greatest skew."""
        made = {}
        for camera, pipeline in self._pipelines.items():
            message = self._nearest(camera, stamp_ns)
            made[camera] = pipeline.image(_pixels(message, colour_image(camera)), message.encoding)
        return made

    def _latest(self, camera: str) -> Image | None:
        with self._lock:
            return next(reversed(self._seen.get(camera, {}).values()), None)

    def _nearest(self, camera: str, stamp_ns: int) -> Image:
        with self._lock:
            seen = dict(self._seen[camera])
        nearest = min(seen, key=lambda stamp: abs(stamp - stamp_ns), default=None)
        if nearest is None or abs(nearest - stamp_ns) > self._max_skew_ns:
            raise ObservationError(
                f"no image on '{colour_image(camera)}' within {self._max_skew_ns / 1e6:.1f} ms of the observation; "
                f"{self._why_none(list(seen), stamp_ns)}"
            )
        return seen[nearest]

    def _why_none(self, stamps: list[int], stamp_ns: int) -> str:
        """What is wrong, and the fix, where none of the ascending `stamps` is near enough."""
        if not stamps:
            return "none has come; check the camera"
        if stamps[-1] < stamp_ns:
            behind_ms = (stamp_ns - stamps[-1]) / 1e6
            return f"the newest lies {behind_ms:.1f} ms before it; check the camera, its rate and its clock"
        if stamps[0] > stamp_ns:
            ahead_ms, kept_ms = (stamps[0] - stamp_ns) / 1e6, self._kept_ns / 1e6
            return (
                f"the oldest of the {kept_ms:.0f} ms kept lies {ahead_ms:.1f} ms after it; "
                "the camera began later, or this machine is too slow for its observations"
            )
        return "older and newer ones came; raise the camera's rate, or synchronise the cameras"


def _pixels(image: Image, topic: str) -> NDArray[np.uint8]:
    """The message's pixels uint8[H,W,3], in its own encoding."""
    if image.encoding not in COLOUR_ENCODINGS:
        raise ObservationError(
            f"colour encoding '{image.encoding}' of '{topic}' is not supported; publish {' or '.join(COLOUR_ENCODINGS)}"
        )
    if image.step < 3 * image.width or len(image.data) != image.step * image.height:
        raise ObservationError(
            f"colour image of {image.width}×{image.height} {image.encoding} on '{topic}' has {len(image.data)} bytes "
            f"in rows of {image.step}; the message is malformed"
        )
    rows = np.frombuffer(image.data, np.uint8).reshape(image.height, image.step)
    return rows[:, : 3 * image.width].reshape(image.height, image.width, 3)
