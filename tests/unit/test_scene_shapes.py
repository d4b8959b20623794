"""The shapes of a world are those that MuJoCo itself would draw, where it would draw them."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import mujoco
import numpy as np
import pytest
from sdm_sim.bridge.mesh_files import MeshFiles
from sdm_sim.mujoco_world import InMujoco, MujocoWorld
from sdm_sim.registry import make_task
from sdm_sim.scene_shapes import PLATE, body_name, triangles, visible_geoms, visible_shapes

TASKS = ("fork/reach", "franka/pick-place", "metaworld/door-open")


@pytest.fixture(scope="module", params=TASKS)
def world(request: pytest.FixtureRequest) -> Iterator[MujocoWorld]:
    task = make_task(request.param)
    assert isinstance(task, InMujoco)
    task.reset(1)
    task.observe()
    yield task.world
    task.close()


def drawn(world: MujocoWorld) -> dict[int, mujoco.MjvGeom]:
    """What MuJoCo's own visualiser makes of the world, by geom."""
    scene, options = mujoco.MjvScene(world.model, 2000), mujoco.MjvOption()
    options.sitegroup[:] = 0
    mujoco.mjv_updateScene(
        world.model, world.data, options, None, mujoco.MjvCamera(), mujoco.mjtCatBit.mjCAT_ALL, scene
    )
    ours = [geom for geom in scene.geoms[: scene.ngeom] if geom.objtype == mujoco.mjtObj.mjOBJ_GEOM]
    return {geom.objid: geom for geom in ours}


def test_what_a_camera_sees_is_what_mujoco_draws(world: MujocoWorld) -> None:
    expected = {number for number, geom in drawn(world).items() if geom.rgba[3] > 0}
    assert set(visible_geoms(world.model).tolist()) == expected
    assert len(expected) > 3


def test_every_geom_is_a_shape_and_a_capsule_three(world: MujocoWorld) -> None:
    model = world.model
    kinds = model.geom_type[visible_geoms(model)].tolist()
    expected = [
        kind
        for geom in kinds
        for kind in {
            mujoco.mjtGeom.mjGEOM_PLANE: ["box"],
            mujoco.mjtGeom.mjGEOM_BOX: ["box"],
            mujoco.mjtGeom.mjGEOM_SPHERE: ["sphere"],
            mujoco.mjtGeom.mjGEOM_ELLIPSOID: ["sphere"],
            mujoco.mjtGeom.mjGEOM_CYLINDER: ["cylinder"],
            mujoco.mjtGeom.mjGEOM_CAPSULE: ["cylinder", "sphere", "sphere"],
            mujoco.mjtGeom.mjGEOM_MESH: ["mesh"],
        }[mujoco.mjtGeom(geom)]
    ]
    assert [shape.kind for shape in visible_shapes(model)] == expected


def test_shapes_are_where_mujoco_draws_them(world: MujocoWorld) -> None:
    model, data = world.model, world.data
    geoms = [geom for geom in visible_geoms(model) if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_BOX]
    boxes = [shape for shape in visible_shapes(model) if shape.kind == "box" and shape.size[2] != PLATE]
    assert len(boxes) == len(geoms) > 0
    for shape, geom in zip(boxes, geoms, strict=True):
        place = data.xpos[shape.body] + data.xmat[shape.body].reshape(3, 3) @ shape.position
        shown = drawn(world)[geom]
        np.testing.assert_allclose(place, shown.pos, atol=1e-6)
        np.testing.assert_allclose(shape.size, 2 * shown.size, rtol=1e-6)


def test_colours_are_those_that_mujoco_draws(world: MujocoWorld) -> None:
    geoms, shown = visible_geoms(world.model), drawn(world)
    shapes = visible_shapes(world.model)
    assert all(0 < shape.rgba[3] <= 1 and (shape.rgba >= 0).all() and (shape.rgba <= 1).all() for shape in shapes)
    plain = [geom for geom in geoms if world.model.geom_matid[geom] < 0]
    colours = {tuple(np.round(shape.rgba, 4)) for shape in shapes}
    assert {tuple(np.round(shown[geom].rgba.astype(float), 4)) for geom in plain} <= colours


def test_every_mesh_is_written_once_and_whole(world: MujocoWorld) -> None:
    meshes = {shape.mesh for shape in visible_shapes(world.model) if shape.kind == "mesh"}
    files = MeshFiles(world.model)
    folder = None
    for mesh in meshes:
        path = Path(urlparse(files.uri(mesh)).path)
        folder = path.parent
        written = path.read_bytes()
        count = int(np.frombuffer(written, "<u4", 1, 80)[0])
        assert len(written) == 84 + 50 * count
        face = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")])
        faces = np.frombuffer(written, face, count, 84)
        np.testing.assert_array_equal(faces["corners"], triangles(world.model, mesh))
        stamp = path.stat().st_mtime_ns
        assert files.uri(mesh) == path.as_uri()
        assert path.stat().st_mtime_ns == stamp
    files.close()
    assert folder is None or not folder.exists()


def test_a_body_without_a_name_has_a_number() -> None:
    model = mujoco.MjModel.from_xml_string(
        '<mujoco><worldbody><body><geom size="1"/></body><body name="b"><geom size="1"/></body></worldbody></mujoco>'
    )
    assert [body_name(model, body) for body in (1, 2)] == ["body_1", "b"]


def test_a_texture_counts_by_its_mean_and_a_plane_has_an_end() -> None:
    model = mujoco.MjModel.from_xml_string("""
        <mujoco>
          <asset>
            <texture name="t" type="2d" builtin="checker" rgb1="1 0 0" rgb2="0 0 1" width="64" height="64"/>
            <material name="m" texture="t" rgba="1 1 0.5 1"/>
          </asset>
          <worldbody>
            <geom type="plane" size="0 0 1" material="m"/>
            <geom type="box" size="1 1 1" rgba="1 0 0 0"/>
            <geom type="box" size="1 1 1" group="3"/>
          </worldbody>
        </mujoco>""")
    (plane,) = visible_shapes(model)
    np.testing.assert_allclose(plane.rgba, [0.5, 0.0, 0.25, 1.0], atol=0.03)
    assert plane.size[2] < 0.01 < plane.size[0] < 10
    assert plane.position[2] + plane.size[2] / 2 == pytest.approx(0.0)
