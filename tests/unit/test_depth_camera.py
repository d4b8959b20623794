"""The depth camera against scenes whose geometry is known, rendered and cast."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's bindings carry no types.)
from __future__ import annotations

import mujoco
import numpy as np
import pytest
from sdm_core.perception.point_cloud import deproject, depth_to_metres
from sdm_sim import depth_camera
from sdm_sim.depth_camera import DepthCamera
from sdm_sim.gl import choose_gl, rendering_available

# A table of 0.4 × 0.6 m, 0.2 m high, its centre at (0.1, −0.05), on the ground; above it float a site, and a geom of
# group 3, which is not drawn.
SCENE = """
<mujoco>
  <worldbody>
    <light pos="0 0 3"/>
    {ground}
    <geom type="box" size="0.2 0.3 0.1" pos="0.1 -0.05 0.1"/>
    <geom type="sphere" size="0.1" pos="0.1 -0.05 0.6" group="3"/>
    <site type="sphere" size="0.1" pos="0 0 0.5" group="{site_group}"/>
    <camera name="above" pos="0 0 {height}" fovy="60"/>
    <camera name="tilted" pos="0.9 -0.7 1.1" fovy="55" xyaxes="0.6 0.8 0 -0.5 0.375 0.78"/>
  </worldbody>
</mujoco>
"""
GROUND = '<geom type="plane" size="3 3 0.1"/>'
PATHS = [
    pytest.param(True, id="rendered", marks=pytest.mark.skipif(not rendering_available(), reason="no GL here")),
    pytest.param(False, id="cast"),
]


def camera_of(
    monkeypatch: pytest.MonkeyPatch, rendered: bool, name: str, size: tuple[int, int] = (64, 48), **scene
) -> tuple[DepthCamera, mujoco.MjData]:
    model = mujoco.MjModel.from_xml_string(SCENE.format(**{"ground": GROUND, "height": 1.5, "site_group": 0, **scene}))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    monkeypatch.setattr(depth_camera, "rendering_available", lambda: rendered)
    return DepthCamera(model, name, *size), data


@pytest.mark.parametrize("rendered", PATHS)
def test_from_above_the_table_and_the_ground_have_their_depths(rendered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    camera, data = camera_of(monkeypatch, rendered, "above")
    depth = camera.depth(data)
    camera.close()
    assert depth.dtype == np.uint16
    assert depth.shape == (48, 64)
    assert set(np.unique(depth)) <= {1299, 1300, 1301, 1499, 1500, 1501}
    # The table is right of and below the centre: x runs to the right, y up in the image.
    focal = 24 / np.tan(np.radians(30))
    expected = 0.4 * 0.6 * (focal / 1.3) ** 2
    rows, columns = np.nonzero(depth < 1400)
    assert len(rows) == pytest.approx(expected, rel=0.1)
    assert columns.mean() - 31.5 == pytest.approx(0.1 * focal / 1.3, abs=0.6)
    assert rows.mean() - 23.5 == pytest.approx(0.05 * focal / 1.3, abs=0.6)


@pytest.mark.parametrize("rendered", PATHS)
def test_deprojected_points_lie_on_the_scene_s_surfaces_in_the_world(
    rendered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera, data = camera_of(monkeypatch, rendered, "tilted", (128, 128))
    points = camera.extrinsics(data).apply(deproject(depth_to_metres(camera.depth(data), "16UC1"), camera.intrinsics))
    camera.close()
    # Distance to the table's box, and to the ground.
    outside = np.maximum(np.abs(points - [0.1, -0.05, 0.1]) - [0.2, 0.3, 0.1], 0)
    inside = np.minimum((np.abs(points - [0.1, -0.05, 0.1]) - [0.2, 0.3, 0.1]).max(1), 0)
    to_box = np.linalg.norm(outside, axis=1) - inside
    distance = np.minimum(to_box, np.abs(points[:, 2]))
    assert len(points) > 128 * 128 * 0.6
    assert (np.abs(points[:, 2] - 0.2) < 2e-3).sum() > 500
    assert np.quantile(distance, 0.99) < 2e-3


@pytest.mark.parametrize("rendered", PATHS)
def test_where_nothing_is_seen_the_depth_is_zero(rendered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    camera, data = camera_of(monkeypatch, rendered, "above", ground="")
    depth = camera.depth(data)
    camera.close()
    assert set(np.unique(depth)) == {0, 1300}


def test_what_is_too_far_for_sixteen_bits_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    camera, data = camera_of(monkeypatch, False, "above", height=65.6)
    assert set(np.unique(camera.depth(data))) <= {0, 65400, 65399, 65401}


@pytest.mark.parametrize("rendered", PATHS)
@pytest.mark.parametrize("group", [0, 1, 2])
def test_sites_which_mark_goals_are_not_seen(rendered: bool, group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    camera, data = camera_of(monkeypatch, rendered, "above", site_group=group)
    assert camera.depth(data).min() >= 1299
    camera.close()


def test_intrinsics_belong_to_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    camera, _ = camera_of(monkeypatch, False, "above", (64, 48))
    k = camera.intrinsics
    assert (k.width, k.height, k.cx, k.cy) == (64, 48, 31.5, 23.5)
    assert k.fx == k.fy == pytest.approx(24 / np.tan(np.radians(30)))


@pytest.mark.parametrize("setting", ["egl", "osmesa", "disable"])
def test_a_user_s_own_renderer_stays(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", setting)
    assert choose_gl() == setting
    assert rendering_available() == (setting != "disable")


def test_without_gl_libraries_rays_are_cast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "")
    monkeypatch.setattr("sdm_sim.gl._CANDIDATES", {"egl": ("libNoSuchLibrary.so.9",)})
    assert choose_gl() == "disable"
    assert not rendering_available()
