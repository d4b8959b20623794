"""PointCloud2 messages as numpy arrays and back, without a loop over points. As in ROS 2's `sensor_msgs_py`."""

from __future__ import annotations

import array
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.lib.recfunctions import structured_to_unstructured, unstructured_to_structured
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

_DATATYPES = {
    PointField.INT8: np.dtype(np.int8),
    PointField.UINT8: np.dtype(np.uint8),
    PointField.INT16: np.dtype(np.int16),
    PointField.UINT16: np.dtype(np.uint16),
    PointField.INT32: np.dtype(np.int32),
    PointField.UINT32: np.dtype(np.uint32),
    PointField.FLOAT32: np.dtype(np.float32),
    PointField.FLOAT64: np.dtype(np.float64),
}
_DUMMY_FIELD_PREFIX = "unnamed_field"


def dtype_from_fields(fields: Iterable[PointField], point_step: int | None = None) -> np.dtype:
    """The structured type of one point: offsets as in the message, `name_0 …` for a field with count > 1."""
    names: list[str] = []
    formats: list[np.dtype] = []
    offsets: list[int] = []
    for i, field in enumerate(fields):
        base = field.name or f"{_DUMMY_FIELD_PREFIX}_{i}"
        datatype = _DATATYPES[field.datatype]
        for element in range(field.count):
            names.append(base if field.count == 1 else f"{base}_{element}")
            formats.append(datatype)
            offsets.append(field.offset + element * datatype.itemsize)
    layout: Any = {"names": names, "formats": formats, "offsets": offsets}
    if point_step is not None:
        layout["itemsize"] = point_step
    return np.dtype(layout)


def read_points(
    cloud: PointCloud2,
    field_names: Sequence[str] | None = None,
    skip_nans: bool = False,
    uvs: Iterable | None = None,
    reshape_organized_cloud: bool = False,
) -> np.ndarray:
    """The points as a structured array, [N] or, when reshaped, [width, height] as `create_cloud` takes them.

    field_names: only these, in this order. skip_nans: without the points that have a NaN in any of them.
    uvs: only the points of these indices.
    The array shares the message's memory unless points were selected.
    """
    if cloud.point_step * cloud.width != cloud.row_step:
        rows = np.frombuffer(cloud.data, np.uint8).reshape(cloud.height, cloud.row_step)
        data = np.ascontiguousarray(rows[:, : cloud.width * cloud.point_step]).reshape(-1)
    else:
        data = cloud.data
    points = np.ndarray(
        shape=(cloud.width * cloud.height,),
        dtype=dtype_from_fields(cloud.fields, point_step=cloud.point_step),
        buffer=memoryview(data),  # pyright: ignore[reportArgumentType] (array.array and bytes have the buffer protocol)
    )
    if field_names is not None:
        missing = [name for name in field_names if name not in (points.dtype.names or ())]
        if missing:
            raise AssertionError(f"Requests field is not in the fields of the PointCloud: {', '.join(missing)}")
        points = points[list(field_names)]
    if bool(sys.byteorder != "little") != bool(cloud.is_bigendian):
        points = points.byteswap()
    if uvs is not None:
        points = points[uvs if isinstance(uvs, np.ndarray) else np.fromiter(uvs, int)]
    if skip_nans:
        valid = np.ones(len(points), bool)
        for values in _columns(points):
            valid &= ~np.isnan(values)
        points = points[valid]
    if reshape_organized_cloud and cloud.height > 1:
        if points.size != cloud.width * cloud.height:
            raise AssertionError("an organized cloud cannot be reshaped once points have been left out")
        points = points.reshape(cloud.width, cloud.height)
    return points


def _columns(points: np.ndarray) -> list[np.ndarray]:
    names: Any = points.dtype.names
    return [points[name] for name in names]


def read_points_numpy(
    cloud: PointCloud2,
    field_names: Sequence[str] | None = None,
    skip_nans: bool = False,
    uvs: Iterable | None = None,
    reshape_organized_cloud: bool = False,
) -> np.ndarray:
    """As `read_points`, but a plain array [N, fields]; all fields read must have one type."""
    points = read_points(cloud, field_names, skip_nans, uvs, reshape_organized_cloud)
    types = {values.dtype for values in _columns(points)}
    if len(types) != 1:
        raise AssertionError(f"All fields need to have the same datatype. Use `read_points()` otherwise. Got {types}")
    return structured_to_unstructured(points)


def create_cloud(
    header: Header,
    fields: Sequence[PointField],
    points: Iterable,
    point_step: int | None = None,
) -> PointCloud2:
    """A cloud of `points`: an array [N, fields] or [width, height, fields], or a structured array [N], [width, height].

    point_step: bytes of a point when it is more than the fields need.
    """
    dtype = dtype_from_fields(fields, point_step)
    values = points if isinstance(points, np.ndarray) else np.array(list(points))
    if values.dtype.names is None:
        if values.size == 0:
            structured = np.empty((0,), dtype)
        else:
            columns = len(dtype.names or ())
            if values.shape[-1] != columns:
                raise ValueError(f"points of {values.shape[-1]} values do not fit the number of fields, {columns}")
            structured = unstructured_to_structured(values, dtype)
    else:
        if values.dtype.names != dtype.names:
            raise AssertionError(f"points with the fields {values.dtype.names} do not fit {dtype.names}")
        structured = values.astype(dtype, copy=False)
    if structured.ndim not in (1, 2):
        raise AssertionError(f"points must be a list or an image of them, got the shape {values.shape}")
    width, height = (*structured.shape, 1)[:2]

    data = array.array("B")
    data.frombytes(np.ascontiguousarray(structured).tobytes())
    return PointCloud2(
        header=header,
        height=height,
        width=width,
        is_dense=False,
        is_bigendian=sys.byteorder != "little",
        fields=list(fields),
        point_step=dtype.itemsize,
        row_step=dtype.itemsize * width,
        data=data,
    )


def create_cloud_xyz32(header: Header, points: Iterable) -> PointCloud2:
    """A cloud of float32 x, y, z from an array [N, 3]."""
    fields = [PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1) for i, name in enumerate("xyz")]
    return create_cloud(header, fields, points)
