"""Clouds from a camera's PointCloud2, where no depth image is published."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.camera_topics import POINTS
from sdm_core.contract import Contract
from sdm_core.errors import ContractError, ObservationError
from sdm_core.point_cloud import CloudPipeline
from sensor_msgs.msg import PointCloud2, PointField
from sensor_msgs_py.point_cloud2 import read_points_numpy

from sdm_policy_node.camera_pose import CameraPose
from sdm_policy_node.observation_source import Frame, sensor_qos

_AXES = ("x", "y", "z")


class PointsSource:
    """Takes clouds ordered or not, with invalid points left out, at the origin, or NaN; reads their x, y, z alone."""

    def __init__(self, node: Node, reliable: bool, deliver: Callable[[Frame], None], depth: int = 5) -> None:
        self._deliver = deliver
        self._fields: list[PointField] | None = None
        node.create_subscription(PointCloud2, POINTS, self._on_points, sensor_qos(reliable, depth))

    def _on_points(self, message: PointCloud2) -> None:
        self._fields = message.fields
        self._deliver(Frame.of(message))

    def differences(self, contract: Contract) -> list[str]:
        if self._fields is None or _has_axes(self._fields):
            return []
        return [f"point cloud has fields {', '.join(field.name for field in self._fields)}; float32 x, y, z expected"]

    def configure(self, contract: Contract, camera_pose: CameraPose) -> None:
        spec = contract.observation.cloud
        if spec is None or spec.channels != 3:
            raise ContractError("the contract needs a cloud without colour: channels 3 is what this source reads")
        self._pipeline = CloudPipeline(spec)
        self._camera_pose = camera_pose

    def ready(self, frame: Frame) -> bool:
        return True

    def cloud(self, frame: Frame) -> NDArray[np.float32]:
        message: PointCloud2 = frame.message
        if not _has_axes(message.fields):
            names = ", ".join(field.name for field in message.fields)
            raise ObservationError(f"point cloud has fields {names or 'none'}; float32 x, y, z expected")
        if len(message.data) != message.row_step * message.height:
            raise ObservationError(
                f"point cloud has {len(message.data)} bytes, {message.row_step * message.height} expected"
            )
        points = read_points_numpy(message, field_names=_AXES).reshape(-1, 3)
        base, camera = self._pipeline.spec.frame, message.header.frame_id
        pose = None if camera == base else self._camera_pose.extrinsics(base, camera, frame.stamp_ns)
        return self._pipeline.from_points(points, pose)

    def depth_image(self, frame: Frame) -> NDArray:
        raise ObservationError(
            "a PointCloud2 holds no depth image; set observation_source:=depth or record_depth:=false"
        )


def _has_axes(fields: list[PointField]) -> bool:
    floats = {field.name for field in fields if field.datatype == PointField.FLOAT32}
    return floats.issuperset(_AXES)
