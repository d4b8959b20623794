"""Colour images of one or several cameras, found by stamp."""

from __future__ import annotations

import threading
from collections import deque
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


class ColourImages:
    """Keeps the last messages of each camera; makes the contract's images of those nearest to a stamp.

    It subscribes as soon as it is made, so that live cameras can be compared with a contract before anything acts.
    """

    def __init__(
        self,
        node: Node,
        cameras: tuple[str, ...],
        reliable: bool,
        deliver: Callable[[Frame], None] | None = None,
        depth: int = 5,
    ) -> None:
        """`deliver`, where it is given, is called on the executor's thread with every frame of the first camera."""
        self.cameras = cameras
        self._deliver = deliver
        self._lock = threading.Lock()
        self._seen: dict[str, deque[Image]] = {camera: deque(maxlen=depth) for camera in cameras}
        for camera in cameras:
            node.create_subscription(
                Image, colour_image(camera), partial(self._on_image, camera), sensor_qos(reliable, depth)
            )

    def _on_image(self, camera: str, message: Image) -> None:
        with self._lock:
            self._seen[camera].append(message)
        if self._deliver and camera == self.cameras[0]:
            self._deliver(Frame.of(message))

    def differences(self, contract: Contract) -> list[str]:
        """One line for each camera whose images, as far as they were heard, are not the contract's."""
        lines = []
        for image in contract.observation.images:
            wanted, message = contract.observation.colour_camera(image.camera), self._newest(image.camera)
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

    def ready(self, stamp_ns: int) -> bool:
        """Whether every camera has an image of this stamp."""
        return all(self._nearest(camera, stamp_ns) is not None for camera in self.cameras)

    def images(self, stamp_ns: int) -> dict[str, NDArray[np.uint8]]:
        """The contract's image rgb8 [H,W,3] of each camera. Raises ObservationError where one is missing or bad."""
        made = {}
        for camera, pipeline in self._pipelines.items():
            message = self._nearest(camera, stamp_ns)
            if message is None:
                raise ObservationError(
                    f"no image on '{colour_image(camera)}' within {self._max_skew_ns / 1e6:.1f} ms of the observation; "
                    "check the camera, and that its streams are synchronised"
                )
            made[camera] = pipeline.image(_pixels(message, colour_image(camera)), message.encoding)
        return made

    def _newest(self, camera: str) -> Image | None:
        with self._lock:
            seen = self._seen.get(camera)
            return seen[-1] if seen else None

    def _nearest(self, camera: str, stamp_ns: int) -> Image | None:
        with self._lock:
            ages = [
                (abs(to_ns(message.header.stamp) - stamp_ns), index) for index, message in enumerate(self._seen[camera])
            ]
            skew, index = min(ages, default=(self._max_skew_ns + 1, 0))
            return self._seen[camera][index] if skew <= self._max_skew_ns else None


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
