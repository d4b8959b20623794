"""The crop-box helper: the table that it finds, what it suggests and draws, live and of a dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.contracts import small_contract
from helpers.domain import own_domain
from helpers.fake_robot import FakeRobot, colour_pixels
from helpers.graph import graph
from numpy.typing import NDArray
from PIL import Image
from sdm_core.datasets.dataset import Episode, EpisodeStore
from sdm_core.errors import SdmError
from sdm_core.perception.static_transforms import write_transforms
from sdm_policy_node.crop.box import Box, find_table, suggest
from sdm_policy_node.crop.live_scene import live_points
from sdm_policy_node.crop.picture import draw
from sdm_policy_node.crop.program import parser, run
from sdm_policy_node.fusion import program as alignment
from sdm_policy_node.tool_node import split_arguments


def scene(height: float = 0.02, tilt: float = 0.0) -> NDArray[np.float32]:
    """A table with a cube of 60 mm on it, a floor 0.7 m below, and 1 mm of noise."""
    random = np.random.default_rng(0)
    table = random.uniform([0.2, -0.4, 0], [0.8, 0.4, 0], (6000, 3))
    table[:, 2] += np.tan(np.radians(tilt)) * (table[:, 0] - 0.5)
    cube = random.uniform([0.45, 0.0, 0.0], [0.51, 0.06, 0.06], (600, 3))
    floor = random.uniform([-1, -1, -0.7], [1, 1, -0.7], (3000, 3))
    points = np.concatenate([table, cube, floor]) + random.normal([0, 0, height], 0.001, (9600, 3))
    return points.astype(np.float32)


def test_the_table_is_found_and_the_box_holds_what_stands_on_it() -> None:
    points = scene()
    table = find_table(points)
    assert table.height == pytest.approx(0.02, abs=0.001)
    assert table.tilt < 0.1
    box = suggest(points, table)
    inside = box.inside(points)
    assert 500 < len(inside) < 650
    assert inside[:, 2].max() < 0.09
    np.testing.assert_allclose(box.low[:2] + box.high[:2], (0.2, -0.4, 0.8, 0.4), atol=0.03)
    assert 0.024 < box.low[2] < 0.03
    assert box.high[2] > 0.25


def test_a_tilted_table_shows_its_tilt() -> None:
    assert find_table(scene(tilt=1.5)).tilt == pytest.approx(1.5, abs=0.3)


@pytest.mark.parametrize("count", [0, 2000])
def test_a_scene_without_a_table_is_one_clear_line(count: int) -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (count, 3)).astype(np.float32)
    with pytest.raises(SdmError, match="no table can be seen"):
        find_table(points)


def test_the_picture_shows_points_cloud_and_boxes(tmp_path: Path) -> None:
    points, box = scene(), Box((0.25, -0.3, 0.03), (0.7, 0.3, 0.4))
    draw(tmp_path / "crop.png", points, box.inside(points), box, suggest(points, find_table(points)), "a scene")
    with Image.open(tmp_path / "crop.png") as picture:
        shades, counts = np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0, return_counts=True)
    colours = {tuple(shade) for shade in shades[counts > 50].tolist()}
    assert {(0x9A, 0xA0, 0xA6), (0x1A, 0x73, 0xE8), (0xE8, 0x71, 0x0A)} <= colours


@pytest.mark.parametrize("channels", [3, 6])
def test_what_live_cameras_see_is_shown_before_it_is_cropped(tmp_path: Path, channels: int) -> None:
    contract = small_contract(cloud={"channels": channels})
    with graph(tmp_path) as world:
        robot = FakeRobot(world, contract)
        image = np.full((12, 16), 800, np.uint16)

        class Publishing:
            """An executor that lets the camera publish between its turns."""

            def spin_once(self, timeout_sec: float) -> None:
                stamp = world.node.get_clock().now().nanoseconds
                robot.tell_info(stamp)
                robot.tell_image(stamp, image)
                robot.tell_colour(stamp, colour_pixels(0, contract))
                world.spin_for(timeout_sec)

        seen = live_points(world.node, contract, "depth", "", 10.0, Publishing())
    assert list(seen) == ["camera"]
    points = seen["camera"]
    assert points.shape == (192, 3)
    np.testing.assert_allclose(points[:, 2], 1.0, atol=1e-6)  # 0.8 m before a camera that stands 0.2 m high
    with graph(tmp_path) as world, pytest.raises(SdmError, match=r"within 0\.1 s: no image has come"):
        live_points(world.node, contract, "depth", "", 0.1)


def test_cameras_are_looked_through_in_another_namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_contract().save(tmp_path / "contract.yaml")
    monkeypatch.setenv("ROS_DOMAIN_ID", str(own_domain()))
    words = f"{tmp_path}/contract.yaml --camera-namespace /cell/eyes --timeout 0.1 -o {tmp_path}/crop.png"
    with pytest.raises(SdmError, match="no image has come on /cell/eyes/camera/depth/image_rect_raw"):
        run(parser().parse_args(words.split()))


def test_a_dataset_shows_what_it_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contract = small_contract()
    store = EpisodeStore.create(tmp_path / "demos.zarr", contract)
    clouds = np.random.default_rng(0).uniform(0.1, 0.9, (3, 32, 3)).astype(np.float32)
    clouds[:, 20:] = 0
    store.append(Episode(np.zeros((3, 4), np.float32), np.zeros((3, 3), np.float32), clouds))
    output = tmp_path / "crop.png"
    assert run(parser().parse_args([str(tmp_path / "demos.zarr"), "-o", str(output)])) is None
    assert "crop box of 'world': 60 points, 32 wanted\ncrop_low: [-1.000, -1.000, 0.000]" in capsys.readouterr().out
    assert output.is_file()
    with pytest.raises(SdmError, match="no such dataset"):
        run(parser().parse_args([str(tmp_path / "none.zarr")]))


def test_what_one_camera_saw_can_be_laid_over_nothing(tmp_path: Path) -> None:
    np.savez(tmp_path / "scene.npz", camera=scene())
    small_contract().save(tmp_path / "contract.yaml")
    write_transforms(tmp_path / "extrinsics.yaml", [])
    words = (
        f"{tmp_path}/scene.npz --contract {tmp_path}/contract.yaml --extrinsics {tmp_path}/extrinsics.yaml -o mended"
    )
    with pytest.raises(SdmError, match="shows what camera saw, and two are laid over each other"):
        alignment.run(alignment.parser().parse_args(words.split()))


def test_arguments_of_ros_are_told_from_a_command_s_own() -> None:
    remapped = ["--ros-args", "-r", "current_pose:=/arm/pose"]
    assert split_arguments(["folder", "-o", "out.yaml", *remapped]) == (["folder", "-o", "out.yaml"], remapped)
    assert split_arguments(["folder"]) == (["folder"], [])
