"""Colour images of one or several cameras, found by stamp."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.camera_topics import colour_image
from sdm_core.contract import CameraSpec, Contract
from sdm_core.errors import ObservationError
from sdm_core.perception.images import COLOUR_ENCODINGS, ImagePipeline
from sensor_msgs.msg import Image

from sdm_policy_node.sources.observation_source import Deliver, StreamSettings
from sdm_policy_node.sources.stamped_frames import StampedFrames


class ColourImages:
    """Makes the contract's images of the messages of each camera that are nearest to a frame's stamp.

    It subscribes as soon as it is made, so that live cameras can be compared with a contract before anything acts.
    """

    def __init__(
        self, node: Node, cameras: tuple[str, ...], settings: StreamSettings, deliver: Deliver | None = None
    ) -> None:
        """`deliver`, where it is given, is called on the executor's thread with every frame of the first camera."""
        self.cameras = cameras
        self._frames = {
            camera: StampedFrames(
                node, Image, colour_image(camera, settings.namespace), settings, deliver if index == 0 else None
            )
            for index, camera in enumerate(cameras)
        }

    @property
    def topic(self) -> str:
        """Of the first camera."""
        return self._frames[self.cameras[0]].topic

    def close(self) -> None:
        """Listens no more."""
        for frames in self._frames.values():
            frames.close()

    def differences(self, contract: Contract) -> list[str]:
        """One line for each camera whose images, as far as they were heard, are not the contract's."""
        lines = []
        for image in contract.observation.images:
            frames = self._frames.get(image.camera)
            lines += colour_differences(frames, contract.observation.colour_camera(image.camera)) if frames else []
        return lines

    def configure(self, contract: Contract, max_skew_ns: int) -> None:
        """Prepares to make the images of this contract."""
        self._pipelines = {image.camera: ImagePipeline(contract, image) for image in contract.observation.images}
        for frames in self._frames.values():
            frames.max_skew_ns = max_skew_ns

    def ready(self, stamp_ns: int) -> bool:
        """Whether every camera has reached this stamp, so that its nearest image is here."""
        return all(frames.reached(stamp_ns) for frames in self._frames.values())

    def images(self, stamp_ns: int) -> dict[str, NDArray[np.uint8]]:
        """The contract's image rgb8 [H,W,3] of each camera, the nearest to this stamp that has come. Raises
        ObservationError where one is bad, or none lies within the greatest skew."""
        made = {}
        for camera, pipeline in self._pipelines.items():
            message = self._frames[camera].nearest(stamp_ns).message
            made[camera] = pipeline.image(colour_pixels(message, self._frames[camera].topic), message.encoding)
        return made


def colour_differences(frames: StampedFrames, camera: CameraSpec) -> list[str]:
    """One line for each way in which the newest of the colour images heard so far is not of the contract's camera."""
    if frames.latest is None:
        return []
    lines, message = [], frames.latest.message
    if message.encoding not in COLOUR_ENCODINGS:
        lines.append(
            f"colour encoding of '{frames.topic}' is '{message.encoding}', {' or '.join(COLOUR_ENCODINGS)} expected"
        )
    if (message.width, message.height) != (camera.width, camera.height):
        lines.append(
            f"'{frames.topic}' is {message.width}×{message.height}, "
            f"the contract {camera.width}×{camera.height}; set the camera's colour profile"
        )
    return lines


def rgb_pixels(image: Image, topic: str) -> NDArray[np.uint8]:
    """The message's pixels as rgb8 uint8[H,W,3]; else as `colour_pixels`."""
    return colour_pixels(image, topic)[..., COLOUR_ENCODINGS[image.encoding]]


def colour_pixels(image: Image, topic: str) -> NDArray[np.uint8]:
    """The message's pixels uint8[H,W,3], in its own encoding. Raises ObservationError on an encoding that is not
    supported, or where the message has not the bytes that it should."""
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
