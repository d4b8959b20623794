"""The noise of a stereo depth camera against its own theory: d = f·B/z, and a fixed error of d."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sdm_core.errors import SdmError
from sdm_core.perception.depth_noise import CAMERAS, StereoCamera, noisy_camera
from sdm_core.perception.point_cloud import Extrinsics, Intrinsics, deproject, depth_to_metres

CAMERA = CAMERAS["d4xx"]
# A D435 at 848×480: focal length by baseline, in px·m.
DISPARITY_AT_1M = 848 / 2 / np.tan(np.radians(43.5)) * 0.05
FOCAL = 110.0
FAULTLESS = StereoCamera(disparity_error_px=0.0, unfilled=0.0, lost_at_edge=0.0, flying_at_edge=0.0)


def wall(z_mm: int, size: tuple[int, int] = (128, 128)) -> NDArray[np.uint16]:
    return np.full(size, z_mm, np.uint16)


def seen(depth: NDArray[np.uint16], seed: int = 0, camera: StereoCamera = CAMERA) -> NDArray[np.uint16]:
    return camera.image(depth, FOCAL, np.random.default_rng(seed))


@pytest.mark.parametrize("z_mm", [500, 1000, 2000])
def test_the_error_of_a_wall_s_depth_grows_with_the_square_of_its_distance(z_mm: int) -> None:
    image = seen(wall(z_mm))
    values = image[image > 0].astype(float)
    z = z_mm / 1000
    error, step = (1000 * z * z * pixels / DISPARITY_AT_1M for pixels in (0.08, 1 / 32))
    expected = np.sqrt(error**2 + (step**2 + 1) / 12)  # in disparity's steps, and in millimetres
    assert values.std() == pytest.approx(expected, rel=0.05)
    assert values.mean() == pytest.approx(z_mm, abs=4 * expected / 128 + 0.1)


def test_depths_come_in_steps_of_disparity() -> None:
    values = np.unique(seen(wall(2000)))[1:]
    disparities = DISPARITY_AT_1M / (values / 1000) * 32
    # Half a millimetre of the image's own rounding is 0.09 of such a step here.
    assert np.abs(disparities - np.rint(disparities)).max() < 0.1
    assert len(values) > 10
    assert np.diff(values).min() >= 5


def test_a_hundredth_of_a_wall_is_without_depth() -> None:
    assert (seen(wall(1000, (480, 640))) == 0).mean() == pytest.approx(0.01, rel=0.05)


def test_left_of_a_near_surface_lies_a_shadow_as_wide_as_the_step_in_disparity() -> None:
    depth = wall(1000, (60, 100))
    depth[:, 50:80] = 500
    shadow = seen(depth, camera=FAULTLESS) == 0
    width = FOCAL * 0.05 * (1 / 0.5 - 1 / 1.0)
    assert shadow[:, 50 - int(width) : 50].all()
    assert shadow.sum() == 60 * int(width)


def test_beside_an_edge_some_pixels_are_lost_and_some_fly_between_its_sides() -> None:
    depth = wall(1000, (400, 100))
    depth[:, 50:] = 700
    camera = StereoCamera(disparity_error_px=0.0, unfilled=0.0)
    image = seen(depth, camera=camera)
    # The far side of the edge is in the near one's shadow.
    edge = image[1:-1, 50]
    flying = (edge > 702) & (edge < 998)
    assert (edge == 0).mean() == pytest.approx(1 / 3, abs=0.08)
    # Of four neighbours, only the far one is elsewhere.
    assert flying.mean() == pytest.approx(1 / 3 / 4, abs=0.05)
    away = np.delete(image, [48, 49, 50], axis=1)
    np.testing.assert_allclose(away, np.delete(depth, [48, 49, 50], axis=1), atol=2)


def test_a_tilted_plane_has_no_edges() -> None:
    rows = np.arange(128)[:, None] * np.ones(128)
    depth = np.rint(1000 / (1.0 + 0.005 * rows)).astype(np.uint16)
    assert (seen(depth, camera=StereoCamera(unfilled=0.0)) > 0).all()


def test_nothing_is_seen_nearer_than_the_greatest_disparity_or_where_nothing_was() -> None:
    nearest = 1000 * DISPARITY_AT_1M / 126
    assert (seen(wall(int(nearest * 0.99))) == 0).all()
    assert (seen(wall(int(nearest * 1.02))) > 0).mean() > 0.95
    assert (seen(wall(0)) == 0).all()


def test_a_seed_repeats_an_image_and_another_one_changes_it() -> None:
    depth = wall(1000)
    depth[40:80, 40:80] = 800
    before = depth.copy()
    assert seen(depth, 3).tobytes() == seen(depth, 3).tobytes()
    assert (seen(depth, 3) != seen(depth, 4)).mean() > 0.5
    np.testing.assert_array_equal(depth, before)


def test_a_cloud_s_points_move_along_their_rays_as_an_image_s_do() -> None:
    camera = Intrinsics(FOCAL, FOCAL, 63.5, 63.5, 128, 128)
    extrinsics = Extrinsics((1.0, 0.0, 0.0, 0.0), (0.2, 0.1, 2.0))  # looks down from 2 m
    points = extrinsics.apply(deproject(depth_to_metres(wall(2000), "16UC1"), camera))
    colours = np.random.default_rng(1).random((len(points), 3), np.float32)
    noisy = CAMERA.cloud(np.hstack([points, colours]), extrinsics, np.random.default_rng(0))
    assert len(noisy) / len(points) == pytest.approx(0.99, abs=0.005)
    assert noisy[:, 2].std() == pytest.approx(4 * 0.08 / DISPARITY_AT_1M, rel=0.05)
    rows = {colour.tobytes(): row for row, colour in enumerate(colours)}
    original = points[[rows[point[3:].tobytes()] for point in noisy]]
    centre = np.asarray(extrinsics.translation, np.float32)
    across = np.cross(noisy[:, :3] - centre, original - centre)
    assert np.abs(across).max() < 1e-5


def test_settings_name_a_camera_or_none() -> None:
    assert noisy_camera("d4xx") is CAMERA
    assert [noisy_camera(name) for name in (None, "", "none")] == [None] * 3
    with pytest.raises(SdmError, match="camera_noise 'd5xx' is not known; choose none or d4xx"):
        noisy_camera("d5xx")
