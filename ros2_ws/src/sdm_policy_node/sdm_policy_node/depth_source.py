"""Clouds from a depth image and its camera_info."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.camera_topics import DEPTH_IMAGE, DEPTH_INFO
from sdm_core.contract import CameraSpec, Contract
from sdm_core.errors import ContractError, ObservationError
from sdm_core.point_cloud import DEPTH_DTYPES, CloudPipeline, Intrinsics
from sensor_msgs.msg import CameraInfo, Image

from sdm_policy_node.camera_pose import CameraPose
from sdm_policy_node.observation_source import Frame, sensor_qos


class DepthSource:
    """Makes clouds of 16UC1 (mm) or 32FC1 (m) images; the intrinsics are those of the latest camera_info."""

    def __init__(self, node: Node, reliable: bool, deliver: Callable[[Frame], None], depth: int = 5) -> None:
        self._deliver = deliver
        self._info: CameraInfo | None = None
        self._encoding: str | None = None
        self._intrinsics: Intrinsics | None = None
        self._intrinsics_of: CameraInfo | None = None
        node.create_subscription(CameraInfo, DEPTH_INFO, self._on_info, sensor_qos(reliable, depth))
        node.create_subscription(Image, DEPTH_IMAGE, self._on_image, sensor_qos(reliable, depth))

    def _on_info(self, message: CameraInfo) -> None:
        self._info = message

    def _on_image(self, message: Image) -> None:
        self._encoding = message.encoding
        self._deliver(Frame.of(message))

    def differences(self, contract: Contract) -> list[str]:
        camera = _camera(contract)
        lines = []
        if self._info and (self._info.width, self._info.height) != (camera.width, camera.height):
            lines.append(
                f"camera_info says {self._info.width}×{self._info.height}, "
                f"the contract {camera.width}×{camera.height}; set the camera's depth profile"
            )
        if self._encoding and self._encoding not in DEPTH_DTYPES:
            lines.append(f"depth encoding is '{self._encoding}', {' or '.join(DEPTH_DTYPES)} expected")
        return lines

    def configure(self, contract: Contract, camera_pose: CameraPose) -> None:
        spec = contract.observation.cloud
        if spec is None or spec.channels != 3:
            raise ContractError("the contract needs a cloud without colour: channels 3 is what a depth image can give")
        self._camera = _camera(contract)
        self._pipeline = CloudPipeline(spec)
        self._camera_pose = camera_pose

    def ready(self, frame: Frame) -> bool:
        return self._info is not None

    def cloud(self, frame: Frame) -> NDArray[np.float32]:
        image: Image = frame.message
        depth = self.depth_image(frame)
        if self._info is None:
            raise ObservationError(f"no camera_info on '{DEPTH_INFO}'; it must accompany the depth image")
        pose = self._camera_pose.extrinsics(self._pipeline.spec.frame, image.header.frame_id, frame.stamp_ns)
        return self._pipeline.from_depth(depth, image.encoding, self._current_intrinsics(self._info), pose)

    def _current_intrinsics(self, info: CameraInfo) -> Intrinsics:
        if self._intrinsics is None or info is not self._intrinsics_of:
            if (info.width, info.height) != (self._camera.width, self._camera.height):
                raise ObservationError(
                    f"camera_info says {info.width}×{info.height}, "
                    f"the contract {self._camera.width}×{self._camera.height}; set the camera's depth profile"
                )
            self._intrinsics, self._intrinsics_of = Intrinsics.from_k(info.k, info.width, info.height), info
        return self._intrinsics

    def depth_image(self, frame: Frame) -> NDArray:
        image: Image = frame.message
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


def _camera(contract: Contract) -> CameraSpec:
    cameras = [camera for camera in contract.observation.cameras if camera.depth_encoding]
    if len(cameras) != 1:
        raise ContractError(f"the contract names {len(cameras)} depth cameras, this source reads one")
    return cameras[0]
