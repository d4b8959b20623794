"""Points from a camera's PointCloud2, where no depth image is published."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.camera_topics import points
from sdm_core.contract import CameraSpec, CloudSpec
from sdm_core.errors import ObservationError
from sdm_core.perception.point_cloud import CameraPoints, CloudPipeline
from sensor_msgs.msg import PointCloud2, PointField

from sdm_policy_node.sources.camera_pose import CameraPose
from sdm_policy_node.sources.observation_source import Deliver, Frame, StreamSettings
from sdm_policy_node.sources.stamped_frames import StampedFrames

_AXES = ("x", "y", "z")
# How a point's colour is named: 0xRRGGBB in four bytes, which drivers declare as a float.
_COLOUR = ("rgb", "rgba")
_PACKED = (PointField.FLOAT32, PointField.UINT32)


class PointsSource:
    """Takes clouds ordered or not, with invalid points left out, at the origin, or NaN; reads their x, y, z, and their
    colour where the contract has it."""

    def __init__(self, node: Node, camera: str, settings: StreamSettings, deliver: Deliver | None = None) -> None:
        # Frames that are handed on are not looked for by their stamp.
        kept = replace(settings, kept_s=0.0) if deliver else settings
        self._frames = StampedFrames(node, PointCloud2, points(camera, settings.namespace), kept, deliver)
        self._coloured = settings.colour
        self.topic, self.reached, self.nearest = self._frames.topic, self._frames.reached, self._frames.nearest

    def close(self) -> None:
        self._frames.close()

    def differences(self, camera: CameraSpec) -> list[str]:
        latest = self._frames.latest
        if latest is None:
            return []
        coloured = not self._coloured or _colour_offset(latest.message) is not None
        return [] if coloured and _has_axes(latest.message) else [_wrong_fields(latest.message, self._coloured)]

    def configure(self, camera: CameraSpec, cloud: CloudSpec, pose: CameraPose, max_skew_ns: int) -> None:
        self._pose = pose
        self._frames.max_skew_ns = max_skew_ns

    def ready(self, stamp_ns: int) -> bool:
        return True

    def points(self, frame: Frame, pipeline: CloudPipeline) -> CameraPoints:
        cloud: PointCloud2 = frame.message
        seen = coloured_points(cloud) if pipeline.spec.coloured else xyz_points(cloud)
        base, camera = pipeline.spec.frame, cloud.header.frame_id
        pose = None if camera == base else self._pose.extrinsics(base, camera, frame.stamp_ns)
        return pipeline.raw_points(seen, pose)

    def depth_image(self, frame: Frame) -> NDArray:
        raise ObservationError(
            "a PointCloud2 holds no depth image; set observation_source:=depth or record_depth:=false"
        )


def xyz_points(cloud: PointCloud2) -> NDArray[np.float32]:
    """The message's points float32[M,3] of whatever order, the invalid ones among them. Raises ObservationError where
    it has no such fields, or not the bytes that it should."""
    if not _has_axes(cloud):
        raise ObservationError(_wrong_fields(cloud, coloured=False))
    offsets = [next(field.offset for field in cloud.fields if field.name == axis) for axis in _AXES]
    return np.stack(_columns(cloud, offsets, "f4"), axis=1).astype(np.float32, copy=False)


def coloured_points(cloud: PointCloud2) -> NDArray[np.float32]:
    """As `xyz_points`, float32[M,6]: rgb in [0, 1] beside them."""
    offset = _colour_offset(cloud)
    if offset is None:
        raise ObservationError(_wrong_fields(cloud, coloured=True))
    (packed,) = _columns(cloud, [offset], "u4")
    rgb = np.stack([packed >> shift & 0xFF for shift in (16, 8, 0)], axis=1) / np.float32(255)
    return np.concatenate([xyz_points(cloud), rgb], axis=1, dtype=np.float32)


def _columns(cloud: PointCloud2, offsets: list[int], kind: str) -> list[NDArray]:
    """The four-byte fields at these offsets, of all points. Raises ObservationError where the message has not the
    bytes that it should."""
    if len(cloud.data) != cloud.row_step * cloud.height:
        raise ObservationError(f"point cloud has {len(cloud.data)} bytes, {cloud.row_step * cloud.height} expected")
    if cloud.row_step < cloud.width * cloud.point_step or cloud.point_step < max(offsets) + 4:
        raise ObservationError(
            f"point cloud has rows of {cloud.row_step} bytes for {cloud.width} points of {cloud.point_step}; "
            "the message is malformed"
        )
    names = [str(offset) for offset in offsets]
    formats = [(">" if cloud.is_bigendian else "<") + kind] * len(offsets)
    layout = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": cloud.point_step})
    rows = np.frombuffer(cloud.data, np.uint8).reshape(cloud.height, cloud.row_step)
    packed = np.ascontiguousarray(rows[:, : cloud.width * cloud.point_step]).view(layout).ravel()
    return [packed[name] for name in names]


def _has_axes(cloud: PointCloud2) -> bool:
    floats = {field.name for field in cloud.fields if field.datatype == PointField.FLOAT32}
    return floats.issuperset(_AXES)


def _colour_offset(cloud: PointCloud2) -> int | None:
    """Where each point's colour begins, in bytes; None where it has none."""
    found = (field.offset for field in cloud.fields if field.name in _COLOUR and field.datatype in _PACKED)
    return next(found, None)


def _wrong_fields(cloud: PointCloud2, coloured: bool) -> str:
    names = ", ".join(field.name for field in cloud.fields)
    return f"point cloud has fields {names or 'none'}; float32 x, y, z{' and rgb' if coloured else ''} expected"
