"""Points from a depth image and its camera_info, and their colour from the image that depth is aligned to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.camera_topics import colour_image, depth_image, depth_info
from sdm_core.contract import CameraSpec, CloudSpec
from sdm_core.errors import ObservationError
from sdm_core.perception.point_cloud import DEPTH_DTYPES, CameraPoints, CloudPipeline, Intrinsics
from sensor_msgs.msg import CameraInfo, Image

from sdm_policy_node.sources.camera_pose import CameraPose
from sdm_policy_node.sources.colour_images import colour_differences, rgb_pixels
from sdm_policy_node.sources.observation_source import Deliver, Frame, StreamSettings, sensor_qos
from sdm_policy_node.sources.stamped_frames import SAME_INSTANT_NS, StampedFrames


class DepthSource:
    """Takes images 16UC1 (mm) or 32FC1 (m); the intrinsics are those of the latest camera_info.

    Where points have a colour, depth is taken in the pixels of the colour image, whatever else is set.
    """

    def __init__(self, node: Node, camera: str, settings: StreamSettings, deliver: Deliver | None = None) -> None:
        self._info: CameraInfo | None = None
        self._intrinsics: Intrinsics | None = None
        self._intrinsics_of: CameraInfo | None = None
        aligned, namespace = settings.aligned_depth or settings.colour, settings.namespace
        self._aligned = aligned
        self._info_topic = depth_info(camera, aligned, namespace)
        qos = sensor_qos(settings.reliable, settings.queue)
        self._node = node
        self._info_subscription = node.create_subscription(CameraInfo, self._info_topic, self._on_info, qos)
        # Frames that are handed on are not looked for by their stamp.
        self._handed_on = deliver is not None
        kept = replace(settings, kept_s=0.0) if self._handed_on else settings
        self._frames = StampedFrames(node, Image, depth_image(camera, aligned, namespace), kept, deliver)
        self._colour = (
            StampedFrames(node, Image, colour_image(camera, namespace), settings) if settings.colour else None
        )
        self.topic, self.reached, self.nearest = self._frames.topic, self._frames.reached, self._frames.nearest

    def close(self) -> None:
        self._node.destroy_subscription(self._info_subscription)
        self._frames.close()
        if self._colour:
            self._colour.close()

    def _on_info(self, message: CameraInfo) -> None:
        self._info = message

    def differences(self, camera: CameraSpec) -> list[str]:
        lines, latest = [], self._frames.latest
        if self._info and (self._info.width, self._info.height) != (camera.width, camera.height):
            lines.append(self._wrong_size(self._info, camera))
        if latest and latest.message.encoding not in DEPTH_DTYPES:
            lines.append(f"depth encoding is '{latest.message.encoding}', {' or '.join(DEPTH_DTYPES)} expected")
        return lines + (colour_differences(self._colour, camera) if self._colour else [])

    def configure(self, camera: CameraSpec, cloud: CloudSpec, pose: CameraPose, max_skew_ns: int) -> None:
        self._camera, self._pose = camera, pose
        self._frames.max_skew_ns = max_skew_ns
        if self._colour:  # of the same shot: another's would colour what has moved meanwhile with what is behind it
            self._colour.max_skew_ns = SAME_INSTANT_NS

    def ready(self, stamp_ns: int) -> bool:
        frame_ns = stamp_ns if self._handed_on else self._frames.nearest_stamp(stamp_ns)
        coloured = self._colour is None or frame_ns is None or self._colour.reached(frame_ns)
        return self._info is not None and coloured

    def points(self, frame: Frame, pipeline: CloudPipeline) -> CameraPoints:
        image: Image = frame.message
        depth = self.depth_image(frame)
        if self._info is None:
            raise ObservationError(f"no camera_info on '{self._info_topic}'; it must accompany the depth image")
        pose = self._pose.extrinsics(pipeline.spec.frame, image.header.frame_id, frame.stamp_ns)
        colour = self._colour_of(frame) if pipeline.spec.coloured else None
        return pipeline.depth_points(depth, image.encoding, self._current_intrinsics(self._info), pose, colour)

    def depth_image(self, frame: Frame) -> NDArray:
        return depth_pixels(frame.message)

    def _colour_of(self, frame: Frame) -> NDArray[np.uint8] | None:
        """The colour rgb8 [H,W,3] of each pixel of a frame; None where nobody listens to it."""
        if self._colour is None:
            return None
        depth, colour = frame.message, self._colour.nearest(frame.stamp_ns).message
        if depth.header.frame_id != colour.header.frame_id:
            raise ObservationError(
                f"depth is an image of '{depth.header.frame_id}', the colour on '{self._colour.topic}' of "
                f"'{colour.header.frame_id}'; publish depth that is aligned to colour (align_depth.enable:=true)"
            )
        if (depth.width, depth.height) != (colour.width, colour.height):
            raise ObservationError(
                f"'{self._colour.topic}' is {colour.width}×{colour.height}, the depth that is aligned to it "
                f"{depth.width}×{depth.height}; check the camera's colour profile"
            )
        return rgb_pixels(colour, self._colour.topic)

    def _current_intrinsics(self, info: CameraInfo) -> Intrinsics:
        if self._intrinsics is None or info is not self._intrinsics_of:
            if (info.width, info.height) != (self._camera.width, self._camera.height):
                raise ObservationError(self._wrong_size(info, self._camera))
            self._intrinsics = Intrinsics.from_camera_info(
                info.k, info.width, info.height, info.d, info.distortion_model
            )
            self._intrinsics_of = info
        return self._intrinsics

    def _wrong_size(self, info: CameraInfo, camera: CameraSpec) -> str:
        return (
            f"camera_info says {info.width}×{info.height}, the contract {camera.width}×{camera.height}; "
            f"set the camera's {'colour' if self._aligned else 'depth'} profile"
        )


def depth_pixels(image: Image) -> NDArray:
    """The message's pixels [H,W] in its own encoding, uint16 or float32. Raises ObservationError on another one, or
    where the message has not the bytes that it should."""
    if image.encoding not in DEPTH_DTYPES:
        raise ObservationError(
            f"depth encoding '{image.encoding}' is not supported; publish {' or '.join(DEPTH_DTYPES)}"
        )
    dtype = np.dtype(DEPTH_DTYPES[image.encoding]).newbyteorder(">" if image.is_bigendian else "<")
    if image.step < image.width * dtype.itemsize or len(image.data) != image.step * image.height:
        raise ObservationError(
            f"depth image of {image.width}×{image.height} {image.encoding} has {len(image.data)} bytes "
            f"in rows of {image.step}; the message is malformed"
        )
    rows = np.frombuffer(image.data, np.uint8).reshape(image.height, image.step)
    packed = np.ascontiguousarray(rows[:, : image.width * dtype.itemsize]).view(dtype)
    return packed.astype(dtype.newbyteorder("="), copy=False)
