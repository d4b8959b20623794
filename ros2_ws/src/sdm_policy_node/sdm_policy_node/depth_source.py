"""Points from a depth image and its camera_info."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.camera_topics import depth_image, depth_info
from sdm_core.contract import CameraSpec, CloudSpec
from sdm_core.errors import ContractError, ObservationError
from sdm_core.point_cloud import DEPTH_DTYPES, CameraPoints, CloudPipeline, Intrinsics
from sensor_msgs.msg import CameraInfo, Image

from sdm_policy_node.camera_pose import CameraPose
from sdm_policy_node.observation_source import Deliver, Frame, StreamSettings, sensor_qos
from sdm_policy_node.stamped_frames import StampedFrames


class DepthSource:
    """Takes images 16UC1 (mm) or 32FC1 (m); the intrinsics are those of the latest camera_info."""

    def __init__(self, node: Node, camera: str, settings: StreamSettings, deliver: Deliver | None = None) -> None:
        self._info: CameraInfo | None = None
        self._intrinsics: Intrinsics | None = None
        self._intrinsics_of: CameraInfo | None = None
        aligned, namespace = settings.aligned_depth, settings.namespace
        self._info_topic = depth_info(camera, aligned, namespace)
        qos = sensor_qos(settings.reliable, settings.queue)
        self._node = node
        self._info_subscription = node.create_subscription(CameraInfo, self._info_topic, self._on_info, qos)
        self._frames = StampedFrames(node, Image, depth_image(camera, aligned, namespace), settings, deliver)
        self.reached, self.nearest = self._frames.reached, self._frames.nearest

    def close(self) -> None:
        self._node.destroy_subscription(self._info_subscription)
        self._frames.close()

    def _on_info(self, message: CameraInfo) -> None:
        self._info = message

    def differences(self, camera: CameraSpec) -> list[str]:
        lines, latest = [], self._frames.latest
        if self._info and (self._info.width, self._info.height) != (camera.width, camera.height):
            lines.append(_wrong_size(self._info, camera))
        if latest and latest.message.encoding not in DEPTH_DTYPES:
            lines.append(f"depth encoding is '{latest.message.encoding}', {' or '.join(DEPTH_DTYPES)} expected")
        return lines

    def configure(self, camera: CameraSpec, cloud: CloudSpec, pose: CameraPose, max_skew_ns: int) -> None:
        if cloud.channels != 3:
            raise ContractError(
                f"the contract has {cloud.channels} channels; live points have no colour: record with channels 3"
            )
        self._camera, self._pose = camera, pose
        self._frames.max_skew_ns = max_skew_ns

    def ready(self) -> bool:
        return self._info is not None

    def points(self, frame: Frame, pipeline: CloudPipeline) -> CameraPoints:
        image: Image = frame.message
        depth = self.depth_image(frame)
        if self._info is None:
            raise ObservationError(f"no camera_info on '{self._info_topic}'; it must accompany the depth image")
        pose = self._pose.extrinsics(pipeline.spec.frame, image.header.frame_id, frame.stamp_ns)
        return pipeline.depth_points(depth, image.encoding, self._current_intrinsics(self._info), pose)

    def depth_image(self, frame: Frame) -> NDArray:
        return depth_pixels(frame.message)

    def _current_intrinsics(self, info: CameraInfo) -> Intrinsics:
        if self._intrinsics is None or info is not self._intrinsics_of:
            if (info.width, info.height) != (self._camera.width, self._camera.height):
                raise ObservationError(_wrong_size(info, self._camera))
            self._intrinsics, self._intrinsics_of = Intrinsics.from_k(info.k, info.width, info.height), info
        return self._intrinsics


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


def _wrong_size(info: CameraInfo, camera: CameraSpec) -> str:
    return (
        f"camera_info says {info.width}×{info.height}, the contract {camera.width}×{camera.height}; "
        "set the camera's depth profile"
    )
