"""From depth to cloud: against a projection, scipy's rotations and a brute-force farthest-point sampler."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.contracts import small_contract
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from sdm_core.contract import CloudSpec
from sdm_core.errors import ObservationError
from sdm_core.perception.point_cloud import (
    CloudPipeline,
    Extrinsics,
    Intrinsics,
    crop,
    deproject,
    depth_to_metres,
    farthest_point_sample,
)

AT_ORIGIN = Extrinsics((0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 0.0))
CAMERA = Intrinsics(20.0, 21.0, 7.6, 5.4, 16, 12)


def spec(**entries) -> CloudSpec:
    cloud = small_contract(cloud=entries).observation.cloud
    assert cloud is not None
    return cloud


def depth_mm(seed: int = 0) -> NDArray[np.uint16]:
    """A depth image of CAMERA, 0.5–1.5 m with some invalid pixels."""
    rng = np.random.default_rng(seed)
    image = rng.integers(500, 1500, (12, 16), np.uint16)
    image[rng.random(image.shape) < 0.1] = 0
    return image


def brute_force_fps(xyz: NDArray, count: int, start: int) -> list[int]:
    """The textbook algorithm: always the point that lies farthest from those chosen."""
    chosen = [start]
    distance = np.full(len(xyz), np.inf)
    while len(chosen) < count:
        distance = np.minimum(distance, ((xyz.astype(np.float64) - xyz[chosen[-1]]) ** 2).sum(1))
        chosen.append(int(distance.argmax()))
    return chosen


def first_row(xyz: NDArray, sample: NDArray) -> int:
    """The row of the point with which a sample begins."""
    return int(((xyz - sample[0, :3]) ** 2).sum(1).argmin())


def coverage_radius(xyz: NDArray, sample: NDArray) -> float:
    """The greatest distance of a point to the sample."""
    return float(np.linalg.norm(xyz[:, None] - sample[None], axis=-1).min(1).max())


# -- depth ---------------------------------------------------------------------------------------------------------


def test_both_encodings_give_the_same_metres_and_zero_where_nothing_was_seen() -> None:
    millimetres = np.array([[0, 1, 1234, 65535]], np.uint16)
    metres = np.array([[np.nan, 0.001, 1.234, 65.535]], np.float32)
    np.testing.assert_allclose(depth_to_metres(millimetres, "16UC1"), [[0, 0.001, 1.234, 65.535]], rtol=1e-6)
    np.testing.assert_allclose(
        depth_to_metres(metres, "32FC1"), depth_to_metres(millimetres, "16UC1"), rtol=1e-6, atol=0
    )


def test_invalid_values_of_a_metric_image_are_zero() -> None:
    image = np.array([[np.nan, np.inf, -np.inf, -0.5, 0.0, 0.7]], np.float32)
    assert depth_to_metres(image, "32FC1").tolist() == [[0, 0, 0, 0, 0, np.float32(0.7)]]


@pytest.mark.parametrize(
    ("dtype", "encoding", "named"),
    [
        (np.uint16, "mono16", "'mono16' is not supported; publish 16UC1 .* 32FC1"),
        (np.uint16, "", "'' is not supported"),
        (np.uint16, "32FC1", "'32FC1' holds float32, not uint16"),
        (np.float32, "16UC1", "'16UC1' holds uint16, not float32"),
        (np.float64, "32FC1", "'32FC1' holds float32, not float64"),
    ],
)
def test_a_wrong_encoding_is_named(dtype: type, encoding: str, named: str) -> None:
    with pytest.raises(ObservationError, match=named):
        depth_to_metres(np.zeros((12, 16), dtype), encoding)


# -- camera --------------------------------------------------------------------------------------------------------


@given(
    st.integers(1, 40),
    st.integers(1, 30),
    st.floats(5, 500),
    st.floats(5, 500),
    st.floats(-10, 50),
    st.floats(-10, 50),
    st.integers(0, 2**32 - 1),
)
def test_deprojected_points_project_back_to_their_pixels(
    width: int, height: int, fx: float, fy: float, cx: float, cy: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.1, 5, (height, width)).astype(np.float32)
    depth[rng.random(depth.shape) < 0.3] = 0
    points = deproject(depth, Intrinsics(fx, fy, cx, cy, width, height)).astype(np.float64)
    rows, columns = np.nonzero(depth)  # row by row
    assert points.shape == (len(rows), 3)
    np.testing.assert_array_equal(points[:, 2], depth[rows, columns])
    np.testing.assert_allclose(points[:, 0] / points[:, 2] * fx + cx, columns, atol=2e-4)
    np.testing.assert_allclose(points[:, 1] / points[:, 2] * fy + cy, rows, atol=2e-4)


def test_intrinsics_are_read_row_by_row() -> None:
    k = [500.0, 0.0, 320.5, 0.0, 510.0, 240.5, 0.0, 0.0, 1.0]
    assert Intrinsics.from_camera_info(k, 640, 480) == Intrinsics(500.0, 510.0, 320.5, 240.5, 640, 480)


@pytest.mark.parametrize("focal", [0.0, -500.0, float("nan")])
def test_an_uncalibrated_camera_is_refused(focal: float) -> None:
    with pytest.raises(ObservationError, match="focal length"):
        Intrinsics.from_camera_info([focal, 0, 320, 0, focal, 240, 0, 0, 1], 640, 480)


# A wide lens (k1, k2, p1, p2, k3), that moves pixels of the image's corner by 10 % and more.
LENS = (-0.28, 0.08, 1.5e-3, -8e-4, -0.008)
WIDE = Intrinsics(450.0, 455.0, 318.2, 243.1, 640, 480, LENS)
K = [20.0, 0.0, 7.6, 0.0, 21.0, 5.4, 0.0, 0.0, 1.0]


def through_the_lens(points: NDArray, camera: Intrinsics) -> NDArray[np.float64]:
    """The pixels [M,2] that points of the optical frame are seen at, by the model of CameraInfo's plumb_bob."""
    k1, k2, p1, p2, k3 = camera.distortion
    x, y = (points[:, :2] / points[:, 2:]).T
    r2 = x**2 + y**2
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    u = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x**2)
    v = y * radial + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y
    return np.stack([u * camera.fx + camera.cx, v * camera.fy + camera.cy], axis=1)


def test_the_points_of_a_lens_with_distortion_project_back_to_their_pixels() -> None:
    depth = np.random.default_rng(0).uniform(0.3, 3, (480, 640)).astype(np.float32)
    points = deproject(depth, WIDE).astype(np.float64)
    rows, columns = np.indices(depth.shape).reshape(2, -1)
    np.testing.assert_array_equal(points[:, 2], depth.ravel())
    np.testing.assert_allclose(through_the_lens(points, WIDE), np.stack([columns, rows], axis=1), atol=0.05)
    straight = deproject(depth, Intrinsics(450.0, 455.0, 318.2, 243.1, 640, 480))
    assert np.linalg.norm(points - straight, axis=1).max() > 0.1  # m: what it is about


def test_a_lens_is_undone_as_opencv_does() -> None:
    cv2 = pytest.importorskip("cv2")
    rows, columns = np.indices((480, 640)).reshape(2, -1)
    pixels = np.stack([columns, rows], axis=1).astype(np.float64)
    k = np.array([[WIDE.fx, 0, WIDE.cx], [0, WIDE.fy, WIDE.cy], [0, 0, 1]])
    until_exact = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-12)
    expected = cv2.undistortPointsIter(pixels, k, np.array(LENS), np.eye(3), np.eye(3), until_exact)[:, 0]
    found = deproject(np.ones((480, 640), np.float32), WIDE)[:, :2]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_crop_box_sees_through_the_lens_too() -> None:
    """Bit for bit the crop of all the image's points."""
    image = np.random.default_rng(0).integers(300, 3000, (480, 640)).astype(np.uint16)
    box = {"crop_low": (-1.2, -0.9, 0.3), "crop_high": (1.3, 0.8, 2.5)}
    everything = deproject(depth_to_metres(image, "16UC1"), WIDE)
    points = CloudPipeline(spec(**box)).depth_points(image, "16UC1", WIDE, AT_ORIGIN)
    np.testing.assert_array_equal(points.inside, crop(AT_ORIGIN.apply(everything), *box.values()))


@pytest.mark.parametrize(("d", "model"), [([], ""), ([0.0] * 5, "plumb_bob"), ([0.0] * 8, "rational_polynomial")])
def test_a_lens_without_distortion_is_a_pinhole_whatever_its_model(d: list[float], model: str) -> None:
    assert Intrinsics.from_camera_info(K, 16, 12, d, model) == CAMERA


def test_distortion_is_read_with_or_without_its_fifth_coefficient() -> None:
    four, five = (Intrinsics.from_camera_info(K, 16, 12, LENS[:count], "plumb_bob") for count in (4, 5))
    assert (four.distortion, five.distortion) == ((*LENS[:4], 0.0), LENS)
    assert four != CAMERA


@pytest.mark.parametrize(
    ("d", "model"),
    [
        ([0.1] * 8, "rational_polynomial"),
        ([0.1] * 4, "equidistant"),
        ([0.1] * 5, ""),
        ([0.1] * 8, "plumb_bob"),
        ([float("nan")] * 5, "plumb_bob"),
    ],
)
def test_a_distortion_of_another_model_is_refused(d: list[float], model: str) -> None:
    with pytest.raises(ObservationError, match=f"distortion_model '{model}' .* publish rectified depth"):
        Intrinsics.from_camera_info(K, 16, 12, d, model)


@pytest.mark.parametrize("k1", [-5.0, 80.0])
def test_a_distortion_that_folds_the_image_is_refused(k1: float) -> None:
    folded = Intrinsics(450.0, 455.0, 318.2, 243.1, 640, 480, (k1, 0.0, 0.0, 0.0, 0.0))
    with pytest.raises(ObservationError, match="cannot be undone in all of the 640×480 image"):
        deproject(np.ones((480, 640), np.float32), folded)


def test_an_image_of_another_size_than_its_camera_info_is_refused() -> None:
    with pytest.raises(ObservationError, match="depth image is 12×16, camera_info says 16×12"):
        deproject(np.ones((16, 12), np.float32), CAMERA)


# -- extrinsics ----------------------------------------------------------------------------------------------------

QUATERNIONS = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: float(np.linalg.norm(q)) > 0.1)


@given(QUATERNIONS, st.tuples(*[st.floats(-3, 3)] * 3), st.integers(0, 2**32 - 1))
def test_extrinsics_rotate_and_move_as_scipy_does(
    quaternion: tuple[float, ...], translation: tuple[float, float, float], seed: int
) -> None:
    unit = np.array(quaternion) / np.linalg.norm(quaternion)
    points = np.random.default_rng(seed).uniform(-2, 2, (20, 3)).astype(np.float32)
    x, y, z, w = unit.tolist()
    moved = Extrinsics((x, y, z, w), translation).apply(points)
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved, Rotation.from_quat(unit).apply(points) + np.array(translation), atol=1e-5)


@pytest.mark.parametrize("quaternion", [(0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 2.0), (0.0, 0.0, 0.0, float("nan"))])
def test_a_pose_without_a_unit_quaternion_is_refused(quaternion: tuple[float, float, float, float]) -> None:
    with pytest.raises(ObservationError, match="quaternion of norm"):
        Extrinsics(quaternion, (0.0, 0.0, 0.0))


# -- crop ----------------------------------------------------------------------------------------------------------


def test_the_crop_box_includes_its_faces_and_drops_what_is_not_finite() -> None:
    points = np.array(
        [[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [1.001, 0, 0], [0, -0.001, 0], [0, np.nan, 0], [0, 0, np.inf]],
        np.float32,
    )
    assert crop(points, (0, 0, 0), (1, 1, 1)).tolist() == points[:3].tolist()


# -- farthest-point sampling ---------------------------------------------------------------------------------------


@given(st.integers(2, 300), st.integers(2, 64), st.integers(0, 2**32 - 1))
def test_sampling_is_the_textbook_s_where_no_two_distances_tie(size: int, count: int, seed: int) -> None:
    points = np.random.default_rng(seed).uniform(-1, 1, (size, 3)).astype(np.float32)
    sample = farthest_point_sample(points, count, start=seed % size)
    found = min(size, count)
    np.testing.assert_array_equal(sample[:found], points[brute_force_fps(points, found, first_row(points, sample))])


def test_sampling_a_depth_image_covers_as_well_as_the_textbook_s() -> None:
    """On a regular surface many distances tie, and which of them comes first is the sampler's own affair."""
    u, v = np.meshgrid(np.linspace(-0.4, 0.4, 64), np.linspace(-0.4, 0.4, 64))
    points = np.stack([u, v, np.round(0.05 * np.sin(9 * u), 2)], -1).reshape(-1, 3).astype(np.float32)
    for count in (64, 256, 512):
        sample = farthest_point_sample(points, count)
        textbook = points[brute_force_fps(points, count, first_row(points, sample))]
        assert coverage_radius(points, sample) <= coverage_radius(points, textbook) + 1e-3


@pytest.mark.parametrize("count", [1, 2, 3, 100, 256])
def test_a_prefix_of_a_sample_is_a_sample(count: int) -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (2000, 3)).astype(np.float32)
    whole = farthest_point_sample(points, 512)
    np.testing.assert_array_equal(whole[:count], farthest_point_sample(points, count))


def test_sampling_is_deterministic_and_leaves_its_input_alone() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (3000, 3)).astype(np.float32)
    before = points.copy()
    first = farthest_point_sample(points, 512)
    for _ in range(5):
        assert farthest_point_sample(points, 512).tobytes() == first.tobytes()
    np.testing.assert_array_equal(points, before)
    assert len(np.unique(first, axis=0)) == 512


def test_every_point_is_some_start_and_one_beyond_the_last_is_the_last() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (100, 3)).astype(np.float32)
    starts = [tuple(farthest_point_sample(points, 5, start)[0].tolist()) for start in range(100)]
    assert sorted(starts) == sorted(map(tuple, points.tolist()))
    assert tuple(farthest_point_sample(points, 5, start=1000)[0].tolist()) == starts[99]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 31, 32])
def test_too_few_points_are_all_kept_and_zeros_fill_up(size: int) -> None:
    points = np.random.default_rng(0).uniform(0.1, 1, (size, 6)).astype(np.float32)
    sample = farthest_point_sample(points, 32)
    assert sample.shape == (32, 6)
    assert sorted(map(tuple, sample[:size])) == sorted(map(tuple, points))
    assert not sample[size:].any()


def test_sampling_looks_at_places_and_takes_colours_along() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (500, 6)).astype(np.float32)
    points[:, 3:] *= 1000
    sample = farthest_point_sample(points, 64)
    np.testing.assert_array_equal(sample[:, :3], farthest_point_sample(np.ascontiguousarray(points[:, :3]), 64))
    rows = {tuple(row) for row in points.tolist()}
    assert all(tuple(row) in rows for row in sample.tolist())


def test_points_that_coincide_do_no_harm() -> None:
    assert farthest_point_sample(np.full((500, 3), 0.5, np.float32), 64).tolist() == [[0.5, 0.5, 0.5]] * 64


# -- the whole way -------------------------------------------------------------------------------------------------


def test_a_depth_image_becomes_the_sample_of_its_cropped_points_in_the_base_frame() -> None:
    tilt = Rotation.from_euler("xyz", [0.3, -0.2, 1.0])
    x, y, z, w = tilt.as_quat().tolist()
    pose = Extrinsics((x, y, z, w), (0.1, -0.2, 0.3))
    image = depth_mm()
    box = {"crop_low": (-0.5, -0.5, 0.4), "crop_high": (0.4, 0.4, 1.4)}
    cloud = CloudPipeline(spec(**box)).from_depth(image, "16UC1", CAMERA, pose)

    rows, columns = np.nonzero(image)
    metres = image[rows, columns] / 1000
    optical = np.stack([(columns - CAMERA.cx) / CAMERA.fx * metres, (rows - CAMERA.cy) / CAMERA.fy * metres, metres], 1)
    world = tilt.apply(optical) + np.array([0.1, -0.2, 0.3])
    inside = world[((world >= box["crop_low"]) & (world <= box["crop_high"])).all(1)]
    assert 32 < len(inside) < len(world)
    assert cloud.dtype == np.float32
    assert cloud.shape == (32, 3)
    np.testing.assert_allclose(cloud, inside[brute_force_fps(inside, 32, first_row(inside, cloud))], atol=1e-5)


def test_millimetres_and_metres_of_one_image_give_the_same_cloud() -> None:
    image = depth_mm()
    metres = np.where(image > 0, image.astype(np.float32) * np.float32(1e-3), np.float32(np.nan))
    pipeline = CloudPipeline(spec())
    first = pipeline.from_depth(image, "16UC1", CAMERA, AT_ORIGIN)
    np.testing.assert_array_equal(pipeline.from_depth(metres, "32FC1", CAMERA, AT_ORIGIN), first)


def test_a_depth_image_and_its_points_give_the_same_cloud() -> None:
    """Whether a driver publishes depth or, organised with zeros or NaN at invalid pixels, a PointCloud2."""
    image = depth_mm()
    pose = Extrinsics((0.0, 0.6, 0.0, 0.8), (0.0, 0.0, 0.2))
    pipeline = CloudPipeline(spec())
    expected = pipeline.from_depth(image, "16UC1", CAMERA, pose)
    everything = deproject(np.where(image > 0, image, 1).astype(np.float32) * np.float32(1e-3), CAMERA)
    for invalid in (0.0, np.nan, np.inf):
        points = everything.copy()
        points[image.ravel() == 0] = invalid
        np.testing.assert_array_equal(pipeline.from_points(points, pose), expected)


def test_points_already_in_the_base_frame_stay_where_they_are() -> None:
    points = np.random.default_rng(0).uniform(0.1, 0.9, (500, 3)).astype(np.float32)
    cloud = CloudPipeline(spec()).from_points(points, None)
    np.testing.assert_array_equal(cloud, farthest_point_sample(points, 32))


def test_unordered_raw_points_cover_the_scene_as_well() -> None:
    points = np.random.default_rng(0).uniform(0.1, 0.9, (500, 3)).astype(np.float32)
    holes = np.concatenate([points, np.zeros((50, 3), np.float32), np.full((50, 3), np.nan, np.float32)])
    shuffled = np.random.default_rng(1).permutation(holes)
    pipeline = CloudPipeline(spec())
    ordered, unordered = pipeline.from_points(points, None), pipeline.from_points(shuffled, None)
    assert coverage_radius(points, unordered) == pytest.approx(coverage_radius(points, ordered), rel=0.15)
    assert {tuple(point) for point in unordered.tolist()} <= {tuple(point) for point in points.tolist()}


def test_a_colour_cloud_carries_each_point_s_own_colour() -> None:
    image = depth_mm()
    colour = np.random.default_rng(3).integers(0, 256, (12, 16, 3), np.uint8)
    cloud = CloudPipeline(spec(channels=6)).from_depth(image, "16UC1", CAMERA, AT_ORIGIN, colour)
    assert cloud.shape == (32, 6)
    for x, y, z, *rgb in cloud.astype(np.float64):
        column, row = round(x / z * CAMERA.fx + CAMERA.cx), round(y / z * CAMERA.fy + CAMERA.cy)
        np.testing.assert_allclose(np.array(rgb) * 255, colour[row, column], atol=1e-4)


@pytest.mark.parametrize("colour", [None, np.zeros((24, 32, 3), np.uint8), np.zeros((12, 16), np.uint8)])
def test_a_colour_cloud_needs_an_aligned_image(colour: NDArray | None) -> None:
    with pytest.raises(ObservationError, match=r"rgb8 image aligned to depth, \(16, 12\)"):
        CloudPipeline(spec(channels=6)).from_depth(depth_mm(), "16UC1", CAMERA, AT_ORIGIN, colour)


def test_a_colour_image_of_another_type_is_refused() -> None:
    with pytest.raises(ObservationError, match="rgb8"):
        CloudPipeline(spec(channels=6)).from_depth(
            depth_mm(),
            "16UC1",
            CAMERA,
            AT_ORIGIN,
            np.zeros((12, 16, 3), np.float32),  # pyright: ignore[reportArgumentType]
        )


def test_points_of_another_width_are_refused() -> None:
    with pytest.raises(ObservationError, match=r"\(10, 6\) given, \[M,3\] expected"):
        CloudPipeline(spec()).from_points(np.zeros((10, 6), np.float32), None)


def test_a_point_whose_colour_is_not_finite_is_dropped() -> None:
    points = np.random.default_rng(0).uniform(0.1, 0.9, (100, 6)).astype(np.float32)
    points[::2, 4] = np.nan
    assert np.isfinite(CloudPipeline(spec(channels=6)).from_points(points, None)).all()


NOTHING_SEEN = {
    "all invalid": (np.zeros((12, 16), np.uint16), "16UC1"),
    "all NaN": (np.full((12, 16), np.nan, np.float32), "32FC1"),
    "beyond the box": (np.full((12, 16), 60000, np.uint16), "16UC1"),
}


@pytest.mark.parametrize("case", NOTHING_SEEN)
def test_an_image_that_leaves_no_point_is_one_clear_error(case: str) -> None:
    image, encoding = NOTHING_SEEN[case]
    with pytest.raises(ObservationError) as caught:
        CloudPipeline(spec()).from_depth(image, encoding, CAMERA, AT_ORIGIN)
    seen = np.count_nonzero(np.nan_to_num(image))
    assert f"none of {seen} valid points lies in the crop box" in str(caught.value)
    assert "'world'" in str(caught.value)


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.full((9, 3), np.nan), np.zeros((9, 3))])
def test_raw_points_without_a_valid_one_are_one_clear_error(points: NDArray) -> None:
    with pytest.raises(ObservationError, match="none of 0 valid points"):
        CloudPipeline(spec()).from_points(points, None)


def test_one_point_is_a_cloud() -> None:
    image = np.zeros((12, 16), np.uint16)
    image[5, 7] = 1000
    cloud = CloudPipeline(spec()).from_depth(image, "16UC1", CAMERA, AT_ORIGIN)
    assert np.count_nonzero(cloud.any(1)) == 1
    assert cloud[0, 2] == pytest.approx(1.0)


# -- speed and several cameras -------------------------------------------------------------------------------------


@given(QUATERNIONS, st.tuples(*[st.floats(-2, 2)] * 3), st.integers(0, 2**32 - 1))
def test_what_is_never_deprojected_lies_outside_the_box(
    quaternion: tuple[float, ...], translation: tuple[float, float, float], seed: int
) -> None:
    """Bit for bit the crop of all the image's points, wherever the camera stands."""
    x, y, z, w = (np.array(quaternion) / np.linalg.norm(quaternion)).tolist()
    pose, box = Extrinsics((x, y, z, w), translation), {"crop_low": (-0.5, -0.4, 0.3), "crop_high": (0.6, 0.5, 0.9)}
    image = np.random.default_rng(seed).integers(0, 3000, (12, 16), np.uint16)
    everything = pose.apply(deproject(depth_to_metres(image, "16UC1"), CAMERA))
    points = CloudPipeline(spec(**box)).depth_points(image, "16UC1", CAMERA, pose)
    np.testing.assert_array_equal(points.inside, crop(everything, *box.values()))
    assert points.valid == len(everything)


def test_several_cameras_points_are_cropped_joined_and_sampled_together() -> None:
    pipeline = CloudPipeline(spec())
    poses = (AT_ORIGIN, Extrinsics((0.0, 0.6, 0.0, 0.8), (0.0, 0.0, 0.2)))
    cameras = [pipeline.depth_points(depth_mm(seed), "16UC1", CAMERA, pose) for seed, pose in enumerate(poses)]
    raw = pipeline.raw_points(np.random.default_rng(0).uniform(0.1, 0.9, (50, 3)), None)
    joined = np.concatenate([camera.inside for camera in (*cameras, raw)])
    assert all(len(camera.inside) for camera in cameras)
    np.testing.assert_array_equal(pipeline.fuse([*cameras, raw]), farthest_point_sample(joined, 32))


def test_a_camera_that_sees_nothing_of_the_box_leaves_it_to_the_others() -> None:
    pipeline = CloudPipeline(spec())
    seen = pipeline.depth_points(depth_mm(), "16UC1", CAMERA, AT_ORIGIN)
    blind = pipeline.depth_points(np.full((12, 16), 60000, np.uint16), "16UC1", CAMERA, AT_ORIGIN)
    np.testing.assert_array_equal(pipeline.fuse([blind, seen]), pipeline.fuse([seen]))
    with pytest.raises(ObservationError, match="none of 384 valid points lies in the crop box"):
        pipeline.fuse([blind, blind])
