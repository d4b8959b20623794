"""Points from a camera's PointCloud2, where no depth image is published."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.camera_topics import points
from sdm_core.contract import CameraSpec, CloudSpec
from sdm_core.errors import ContractError, ObservationError
from sdm_core.point_cloud import CameraPoints, CloudPipeline
from sensor_msgs.msg import PointCloud2, PointField

from sdm_policy_node.camera_pose import CameraPose
from sdm_policy_node.observation_source import Deliver, Frame, StreamSettings
from sdm_policy_node.stamped_frames import StampedFrames

_AXES = ("x", "y", "z")


class PointsSource:
    """Takes clouds ordered or not, with invalid points left out, at the origin, or NaN; reads their x, y, z alone."""

    def __init__(self, node: Node, camera: str, settings: StreamSettings, deliver: Deliver | None = None) -> None:
        self._frames = StampedFrames(node, PointCloud2, points(camera, settings.namespace), settings, deliver)
        self.reached, self.nearest = self._frames.reached, self._frames.nearest

    def close(self) -> None:
        self._frames.close()

    def differences(self, camera: CameraSpec) -> list[str]:
        latest = self._frames.latest
        return [_wrong_fields(latest.message)] if latest and not _has_axes(latest.message) else []

    def configure(self, camera: CameraSpec, cloud: CloudSpec, pose: CameraPose, max_skew_ns: int) -> None:
        if cloud.channels != 3:
            raise ContractError(
                f"the contract has {cloud.channels} channels; live points have no colour: record with channels 3"
            )
        self._pose = pose
        self._frames.max_skew_ns = max_skew_ns

    def ready(self) -> bool:
        return True

    def points(self, frame: Frame, pipeline: CloudPipeline) -> CameraPoints:
        cloud: PointCloud2 = frame.message
        xyz = xyz_points(cloud)
        base, camera = pipeline.spec.frame, cloud.header.frame_id
        pose = None if camera == base else self._pose.extrinsics(base, camera, frame.stamp_ns)
        return pipeline.raw_points(xyz, pose)

    def depth_image(self, frame: Frame) -> NDArray:
        raise ObservationError(
            "a PointCloud2 holds no depth image; set observation_source:=depth or record_depth:=false"
        )


def xyz_points(cloud: PointCloud2) -> NDArray[np.float32]:
    """The message's points float32[M,3] of whatever order, the invalid ones among them. Raises ObservationError where
    it has no such fields, or not the bytes that it should."""
    if not _has_axes(cloud):
        raise ObservationError(_wrong_fields(cloud))
    offsets = [next(field.offset for field in cloud.fields if field.name == axis) for axis in _AXES]
    if len(cloud.data) != cloud.row_step * cloud.height:
        raise ObservationError(f"point cloud has {len(cloud.data)} bytes, {cloud.row_step * cloud.height} expected")
    if cloud.row_step < cloud.width * cloud.point_step or cloud.point_step < max(offsets) + 4:
        raise ObservationError(
            f"point cloud has rows of {cloud.row_step} bytes for {cloud.width} points of {cloud.point_step}; "
            "the message is malformed"
        )
    layout = np.dtype(
        {
            "names": list(_AXES),
            "formats": [">f4" if cloud.is_bigendian else "<f4"] * 3,
            "offsets": offsets,
            "itemsize": cloud.point_step,
        }
    )
    rows = np.frombuffer(cloud.data, np.uint8).reshape(cloud.height, cloud.row_step)
    packed = np.ascontiguousarray(rows[:, : cloud.width * cloud.point_step]).view(layout).ravel()
    return np.stack([packed[axis] for axis in _AXES], axis=1).astype(np.float32, copy=False)


def _has_axes(cloud: PointCloud2) -> bool:
    floats = {field.name for field in cloud.fields if field.datatype == PointField.FLOAT32}
    return floats.issuperset(_AXES)


def _wrong_fields(cloud: PointCloud2) -> str:
    names = ", ".join(field.name for field in cloud.fields)
    return f"point cloud has fields {names or 'none'}; float32 x, y, z expected"
