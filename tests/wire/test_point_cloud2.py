"""PointCloud2 to arrays and back, as `sensor_msgs_py.point_cloud2` documents it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sensor_msgs.msg import PointField
from sensor_msgs_py import point_cloud2
from std_msgs.msg import Header


def field(name: str, offset: int, datatype: int = PointField.FLOAT32, count: int = 1) -> PointField:
    return PointField(name=name, offset=offset, datatype=datatype, count=count)


XYZ = [field("x", 0), field("y", 4), field("z", 8)]
POINTS = np.array([[0, 1, 2], [3, np.nan, 5], [6, 7, 8], [9, 10, 11]], np.float32)


def test_xyz_cloud_has_the_layout_of_the_message_definition():
    header = Header(frame_id="camera_depth_optical_frame")
    cloud = point_cloud2.create_cloud_xyz32(header, POINTS)
    assert cloud.header.frame_id == "camera_depth_optical_frame"
    assert (cloud.height, cloud.width, cloud.point_step, cloud.row_step) == (1, 4, 12, 48)
    assert [(each.name, each.offset, each.datatype, each.count) for each in cloud.fields] == [
        (name, 4 * i, PointField.FLOAT32, 1) for i, name in enumerate("xyz")
    ]
    assert bytes(cloud.data) == POINTS.tobytes()


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(0, 40), st.just(3)),
        elements=st.floats(width=32, allow_nan=True),
    )
)
def test_points_come_back_bit_for_bit(points):
    cloud = point_cloud2.create_cloud_xyz32(Header(), points)
    back = point_cloud2.read_points_numpy(cloud, ["x", "y", "z"])
    assert back.dtype == np.float32
    assert back.shape == points.shape
    assert back.tobytes() == points.tobytes()


def test_points_with_nan_are_skipped_on_request():
    cloud = point_cloud2.create_cloud_xyz32(Header(), POINTS)
    assert len(point_cloud2.read_points(cloud)) == 4
    np.testing.assert_array_equal(point_cloud2.read_points_numpy(cloud, skip_nans=True), POINTS[[0, 2, 3]])
    # Only the fields that are read count.
    assert len(point_cloud2.read_points(cloud, ["x"], skip_nans=True)) == 4


def test_fields_are_read_by_name_in_the_order_asked_for():
    cloud = point_cloud2.create_cloud_xyz32(Header(), POINTS)
    np.testing.assert_array_equal(point_cloud2.read_points_numpy(cloud, ["z", "x"]), POINTS[:, [2, 0]])
    with pytest.raises(AssertionError):
        point_cloud2.read_points(cloud, ["x", "intensity"])


def test_padding_and_mixed_types_are_honoured():
    fields = [field("x", 0), field("y", 4), field("z", 8), field("rgb", 16, PointField.UINT32)]
    points = np.zeros(3, point_cloud2.dtype_from_fields(fields, point_step=32))
    points["x"], points["rgb"] = [1, 2, 3], [7, 8, 9]
    cloud = point_cloud2.create_cloud(Header(), fields, points, point_step=32)
    assert cloud.point_step == 32
    back = point_cloud2.read_points(cloud)
    assert back["x"].tolist() == [1, 2, 3]
    assert back["rgb"].tolist() == [7, 8, 9]
    with pytest.raises(AssertionError, match="same datatype"):
        point_cloud2.read_points_numpy(cloud)
    assert point_cloud2.read_points_numpy(cloud, ["x", "y", "z"]).shape == (3, 3)


def test_array_of_an_organised_cloud_is_width_by_height():
    image = np.arange(2 * 3 * 3, dtype=np.float32).reshape(2, 3, 3)
    cloud = point_cloud2.create_cloud(Header(), XYZ, image)
    assert (cloud.width, cloud.height, cloud.row_step) == (2, 3, 24)
    np.testing.assert_array_equal(point_cloud2.read_points_numpy(cloud, reshape_organized_cloud=True), image)
    np.testing.assert_array_equal(point_cloud2.read_points_numpy(cloud), image.reshape(-1, 3))


def test_points_are_picked_by_index():
    image = np.arange(2 * 3 * 3, dtype=np.float32).reshape(2, 3, 3)
    cloud = point_cloud2.create_cloud(Header(), XYZ, image)
    picked = point_cloud2.read_points_numpy(cloud, uvs=np.array([0, 5]))
    np.testing.assert_array_equal(picked, image.reshape(-1, 3)[[0, 5]])


def test_field_of_several_elements_is_one_column_each():
    fields = [field("normal", 0, count=3), field("curvature", 12)]
    cloud = point_cloud2.create_cloud(Header(), fields, np.arange(8, dtype=np.float32).reshape(2, 4))
    assert point_cloud2.read_points(cloud).dtype.names == ("normal_0", "normal_1", "normal_2", "curvature")


def test_big_endian_cloud_is_swapped():
    cloud = point_cloud2.create_cloud_xyz32(Header(), POINTS.byteswap())
    cloud.is_bigendian = True
    np.testing.assert_array_equal(point_cloud2.read_points_numpy(cloud), POINTS)


def test_values_that_do_not_fit_the_fields_are_refused():
    with pytest.raises(ValueError, match="number of fields"):
        point_cloud2.create_cloud(Header(), XYZ, np.zeros((4, 2), np.float32))
