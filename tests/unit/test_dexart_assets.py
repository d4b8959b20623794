"""What is read of DexArt's folder, and one line for each thing that is missing or broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sapien = pytest.importorskip("sapien", reason="the extra dexart is not installed: pip install sapien==3.0.3")

from helpers.dexart_assets import ROBOT, SCALE, box_obj, write_assets  # noqa: E402
from sdm_core.errors import TaskError  # noqa: E402
from sdm_sim import optional_packages  # noqa: E402
from sdm_sim.dexart.assets import FOLDER, Assets  # noqa: E402
from sdm_sim.dexart.robot import Robot  # noqa: E402
from sdm_sim.dexart.settings import SETTINGS, View  # noqa: E402
from sdm_sim.dexart.urdf import read_urdf  # noqa: E402
from sdm_sim.dexart.visual_mirror import CELL, Part, VisualMirror  # noqa: E402
from sdm_sim.registry import difficulty, make_task, source  # noqa: E402

FIRST = SETTINGS["faucet"].objects[0]


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one object of each kind."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return write_assets(tmp_path, objects=1)


def test_without_sapien_one_line_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional_packages, "find_spec", lambda name: None)
    with pytest.raises(TaskError, match=r"^dexart/laptop needs the package sapien: pip install sapien==3\.0\.3$"):
        make_task("dexart/laptop")


@pytest.mark.parametrize("named", [True, False])
def test_without_assets_one_line_says_where_they_come_from(
    named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(FOLDER, raising=False)
    if named:
        monkeypatch.setenv(FOLDER, "nowhere")
    with pytest.raises(TaskError) as caught:
        make_task("dexart/toilet")
    assert str(caught.value).startswith("nowhere: holds no annotation" if named else "data/dexart: holds no annotation")
    assert "github.com/Kami-code/dexart-release" in str(caught.value)
    assert FOLDER in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_registry_knows_the_family() -> None:
    assert (difficulty("dexart/bucket"), difficulty("dexart/laptop")) == ("hard", "easy")
    assert "sapien" in source("dexart/faucet")


@pytest.mark.parametrize(
    "missing",
    [
        f"sapien/{FIRST}/mobility.urdf",
        f"sapien/{FIRST}/mobility_v2.json",
        "annotation/faucet_scale.json",
        "annotation/faucet_allegro_hand_xarm6_wrist_mounted_face_front_relative_position.json",
        ROBOT,
    ],
)
def test_a_missing_file_is_named(missing: str, assets: Path) -> None:
    (assets / missing).unlink()
    with pytest.raises(TaskError, match=f"lacks {missing} of DexArt's assets"):
        assert [Assets().robot, Assets().object("faucet", FIRST)]


def test_a_missing_mesh_is_named_and_not_left_out(assets: Path) -> None:
    (assets / f"sapien/{FIRST}/textured_objs/link_1.obj").unlink()
    with pytest.raises(TaskError, match=r"urdf: names the mesh textured_objs/link_1\.obj, which is not there"):
        read_urdf(Assets().object("faucet", FIRST).urdf)


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("annotation/faucet_scale.json", "{", r"faucet_scale\.json: not valid JSON"),
        (f"sapien/{FIRST}/mobility_v2.json", "[]", r"mobility_v2\.json: names no hinge 'switch'"),
        (f"sapien/{FIRST}/mobility.urdf", "<robot", r"mobility\.urdf: no URDF"),
    ],
)
def test_a_broken_file_is_named(file: str, text: str, expected: str, assets: Path) -> None:
    (assets / file).write_text(text)
    with pytest.raises(TaskError, match=expected):
        read_urdf(Assets().object("faucet", FIRST).urdf)


@pytest.mark.parametrize(("task", "file"), [("laptop", "laptop_joint_annotation.json"), ("toilet", "toilet_joint.txt")])
def test_an_object_without_notes_is_named(task: str, file: str, assets: Path) -> None:
    number = SETTINGS[task].objects[0]
    (assets / "annotation" / file).write_text("{}")
    with pytest.raises(TaskError, match=f"{file}: says nothing of object {number}"):
        Assets().object(task, number)


def test_another_robot_is_refused(assets: Path) -> None:
    text = (assets / ROBOT).read_text()
    (assets / ROBOT).write_text(text.replace("link_7.0_tip", "fingertip"))
    scene = sapien.Scene([sapien.physx.PhysxCpuSystem()])
    with pytest.raises(TaskError, match=r"not DexArt's robot, it lacks link_7\.0_tip"):
        Robot(scene, Assets().robot, (0.0, 0.0, 0.0))


def test_notes_become_what_an_object_is(assets: Path) -> None:
    bucket = SETTINGS["bucket"].objects[0]
    note = {"left": 0.1, "middle": 1.4, "min": 1.7, "max": -0.2}
    (assets / "annotation/bucket_joint_annotation.json").write_text(json.dumps({str(bucket): note}))
    found = Assets().object("bucket", bucket)
    assert found.urdf.parent.name == f"{bucket}_thick_handle"
    assert (found.scale, found.left, found.middle, found.limits) == (SCALE, 0.1, 1.4, (-0.2, 1.7))
    assert found.part_joint is None
    np.testing.assert_allclose(found.position, (0.0, 0.0, 0.1))
    toilet = Assets().object("toilet", SETTINGS["toilet"].objects[0])
    assert (toilet.part_joint, toilet.quiet_pair) == ("joint_0", ("link_0", "link_2"))
    assert Assets().object("faucet", FIRST).part_joint == "joint_1"


def test_laptops_need_no_notes_of_size_and_place(assets: Path) -> None:
    for name in ("scale", "allegro_hand_xarm6_wrist_mounted_face_front_relative_position"):
        (assets / f"annotation/laptop_{name}.json").unlink()
    found = Assets().object("laptop", SETTINGS["laptop"].objects[0])
    assert (found.scale, found.position) == (1.0, (0.0, 0.0, 0.1))


@pytest.fixture
def urdf_of(tmp_path: Path) -> Callable[[str], Path]:
    def write(link: str) -> Path:
        path = tmp_path / "one.urdf"
        tip = '<link name="tip"/><joint name="j" type="revolute"><parent link="one"/><child link="tip"/>'
        limit = '<limit lower="0" upper="1" effort="1" velocity="1"/></joint>'
        path.write_text(f'<robot name="r"><link name="one">{link}</link>{tip}{limit}</robot>')
        return path

    return write


def weight(mass: float, ixx: float, ixy: float) -> str:
    inertia = f'<inertia ixx="{ixx}" iyy="0.1" izz="0.1" ixy="{ixy}" ixz="0" iyz="0"/>'
    return f'<inertial><origin xyz="1 0 0"/><mass value="{mass}"/>{inertia}</inertial>'


@pytest.mark.parametrize(
    ("weights", "mass"),
    [
        ((weight(2.0, 0.1, 0.0),), 2.0),
        ((weight(2.0, 0.1, 0.2),), 1e-6),  # a link of DexArt's own hand has such an inertia
        ((weight(2.0, 0.1, 0.2), weight(3.0, 0.1, 0.0)), 3.0),
    ],
)
def test_a_link_weighs_what_it_did_in_sapien_2(
    weights: tuple[str, ...], mass: float, urdf_of: Callable[[str], Path]
) -> None:
    scene = sapien.Scene([sapien.physx.PhysxCpuSystem()])
    body = read_urdf(urdf_of("".join(weights))).builder(scene.create_urdf_loader()).build()
    link = body.find_link_by_name("one")
    assert link.mass == pytest.approx(mass)
    assert link.cmass_local_pose.p[0] == pytest.approx(1.0 if mass > 1 else 0.0)


def test_what_is_seen_is_where_sapien_has_what_collides(urdf_of: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "box.obj").write_text(box_obj((0.1, 0.2, 0.3), (0.05, 0.1, 0.15)))
    shape = (
        '<origin xyz="0.3 -0.2 0.1" rpy="0.3 -0.5 1.2"/><geometry><mesh filename="box.obj" scale="1 2 1"/></geometry>'
    )
    urdf = read_urdf(urdf_of(f"<visual>{shape}</visual><collision>{shape}</collision>"), scale=0.5)
    scene = sapien.Scene([sapien.physx.PhysxCpuSystem()])
    loader = scene.create_urdf_loader()
    loader.scale = 0.5
    low, high = urdf.builder(loader).build().find_link_by_name("one").get_global_aabb_fast()
    view = View((0.0, 0.0, 2.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0))
    mirror = VisualMirror([Part(urdf.visuals["one"], (1.0, 1.0, 1.0, 1.0))], view)
    mirror.show([sapien.Pose()])
    vertices = mirror.model.mesh_vert @ mirror.data.geom_xmat[0].reshape(3, 3).T + mirror.data.geom_xpos[0]
    np.testing.assert_allclose(vertices.min(0), low, atol=1e-4)
    np.testing.assert_allclose(vertices.max(0), high, atol=1e-4)


def test_fine_meshes_are_thinned_and_tiny_ones_kept(urdf_of: Callable[[str], Path], tmp_path: Path) -> None:
    steps = np.linspace(0.0, 0.3, 301)
    wave = "".join(f"v {x} {y} {0.05 * np.sin(20 * x)}\n" for x in steps for y in (0.0, 0.3))
    strip = "".join(f"f {2 * i + 1} {2 * i + 2} {2 * i + 4} {2 * i + 3}\n" for i in range(300))
    (tmp_path / "wave.obj").write_text(wave + strip)
    (tmp_path / "speck.obj").write_text(box_obj((0.0, 0.0, 0.0), (0.0002, 0.0002, 0.0002)))
    view = View((0.0, 0.0, 2.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0))
    faces = {}
    for name in ("wave", "speck"):
        urdf = read_urdf(urdf_of(f'<visual><geometry><mesh filename="{name}.obj"/></geometry></visual>'))
        model = VisualMirror([Part(urdf.visuals["one"], (1.0, 1.0, 1.0, 1.0))], view).model
        faces[name] = model.nmeshface / 2  # both sides
        if name == "wave":
            assert np.ptp(model.mesh_vert, axis=0).max() == pytest.approx(0.3, abs=2 * CELL)
    assert 80 < faces["wave"] < 300
    assert faces["speck"] == 12


def test_a_shape_that_is_not_known_is_named(urdf_of: Callable[[str], Path]) -> None:
    with pytest.raises(TaskError, match="a visual is a capsule; box, sphere, cylinder and mesh are known"):
        read_urdf(urdf_of('<visual><geometry><capsule radius="1" length="1"/></geometry></visual>'))
