"""Bags into datasets: as the recorder would have made them, and what is whole of a bag that is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from helpers.bags import WrittenBag, action
from helpers.contracts import small_contract
from helpers.fake_robot import camera_model, camera_transform, colour_pixels, depth_image, state_values, time_message
from rosbags.rosbag2 import StoragePlugin
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import FAILURE, SUCCESS, UNLABELLED, EpisodeStore
from sdm_core.perception.point_cloud import CloudPipeline, Extrinsics
from sdm_core.perception.static_transforms import StaticTransform, write_transforms
from sdm_interfaces.msg import EpisodeEvent
from sdm_policy_node.convert.program import main
from std_msgs.msg import Float64

CONTRACT = small_contract()


class Conversion:
    """Runs the command and keeps what it said."""

    def __init__(self, folder: Path, captured: pytest.CaptureFixture[str]) -> None:
        self.output = folder / "data.zarr"
        self._captured = captured

    def __call__(self, bag: Path, *options: str) -> tuple[int, str, str]:
        """Exit status, output and errors."""
        status: int | str | None = 0
        try:
            main([str(bag), "-o", str(self.output), *options])
        except SystemExit as end:
            status = end.code
        output, errors = self._captured.readouterr()
        if isinstance(status, str):
            return 1, output, status
        return status or 0, output, errors

    @property
    def store(self) -> EpisodeStore:
        return EpisodeStore.view(self.output)

    def assert_rows(self, steps: list[int], contract: Contract = CONTRACT) -> None:
        """The dataset's rows are those of these steps."""
        assert contract.observation.cloud
        clouds, store, camera = CloudPipeline(contract.observation.cloud), self.store, camera_model(CONTRACT)
        expected = [
            clouds.from_depth(depth_image(step, CONTRACT), "16UC1", *camera, colour_pixels(step, CONTRACT))
            for step in steps
        ]
        np.testing.assert_array_equal(store.read("point_cloud"), expected)
        states = np.array([state_values(step, CONTRACT) for step in steps], np.float32)
        np.testing.assert_array_equal(store.read("state"), states)
        np.testing.assert_array_equal(store.read("action"), np.array([action(step) for step in steps], np.float32))


@pytest.fixture
def convert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Conversion:
    return Conversion(tmp_path, capsys)


@pytest.fixture
def bag(tmp_path: Path) -> WrittenBag:
    return WrittenBag(tmp_path / "bag", CONTRACT)


@pytest.mark.parametrize("storage", StoragePlugin)
def test_kept_episodes_are_converted_and_others_are_not(tmp_path: Path, convert, storage: StoragePlugin) -> None:
    bag = WrittenBag(tmp_path / "bag", CONTRACT, storage)
    bag.episode(range(4), success=1)
    bag.episode(range(10, 14), end=EpisodeEvent.DISCARD)
    bag.episode(range(20, 23))
    bag.episode(range(30, 33), success=1)
    bag.event(EpisodeEvent.LABEL, success=0)  # the operator has looked again
    bag.close()
    status, output, errors = convert(tmp_path / "bag")
    assert (status, errors) == (0, "")
    assert "recording 1 is episode 0: 4 rows, 0 images missing, a success" in output
    assert convert.store.episode_ends.tolist() == [4, 7, 10]
    assert convert.store.outcomes.tolist() == [SUCCESS, UNLABELLED, FAILURE]
    assert convert.store.contract == CONTRACT
    convert.assert_rows([0, 1, 2, 3, 20, 21, 22, 30, 31, 32])


def test_a_bag_of_colour_and_aligned_depth_is_converted_into_coloured_clouds(tmp_path: Path, convert) -> None:
    contract = small_contract(cloud={"channels": 6})
    bag = WrittenBag(tmp_path / "bag", contract)
    bag.episode(range(4))
    bag.close()
    status, _, errors = convert(tmp_path / "bag")
    assert (status, errors) == (0, "")
    assert convert.store.contract == contract
    assert convert.store.read("point_cloud").shape == (4, 32, 6)
    convert.assert_rows([0, 1, 2, 3], contract)


def test_the_cameras_pose_is_as_the_recorder_read_it_whatever_lies_in_its_file_now(tmp_path: Path, convert) -> None:
    """Nor need the file be there; a file that is named counts."""
    stamped = camera_transform()
    rotation, place = stamped.transform.rotation, stamped.transform.translation
    pose = Extrinsics((rotation.x, rotation.y, rotation.z, rotation.w), (place.x, place.y, place.z))
    known = StaticTransform(stamped.header.frame_id, stamped.child_frame_id, pose)
    bag = WrittenBag(tmp_path / "bag", CONTRACT, transforms=[known])
    bag.episode(range(4))
    bag.close()
    status, _, errors = convert(tmp_path / "bag")
    assert (status, errors) == (0, "")
    convert.assert_rows([0, 1, 2, 3])
    recorded = convert.store.read("point_cloud")

    moved = replace(known, pose=Extrinsics(pose.quaternion_xyzw, (place.x + 0.05, place.y, place.z)))
    write_transforms(tmp_path / "moved.yaml", [moved])
    convert.output = tmp_path / "moved.zarr"
    assert convert(tmp_path / "bag", "--extrinsics", str(tmp_path / "moved.yaml"))[0] == 0
    assert not np.array_equal(convert.store.read("point_cloud"), recorded)


def test_an_image_that_comes_twice_is_one_row(tmp_path: Path, bag: WrittenBag, convert) -> None:
    bag.episode(range(4), times=2)
    bag.close()
    assert convert(tmp_path / "bag")[0] == 0
    convert.assert_rows([0, 1, 2, 3])


def test_another_contract_gives_another_dataset_of_the_same_bag(tmp_path: Path, bag: WrittenBag, convert) -> None:
    bag.episode(range(4))
    bag.close()
    other = small_contract(cloud={"points": 24, "crop_low": (-0.4, -1.0, 0.3)})
    other.save(tmp_path / "other.yaml")
    assert convert(tmp_path / "bag", "--contract", str(tmp_path / "other.yaml"))[0] == 0
    assert convert.store.contract == other
    convert.assert_rows([0, 1, 2, 3], other)


def led_contract() -> Contract:
    """Of an arm that is led by hand: its actions are two of its state's entries, and a gripper."""
    plain = CONTRACT.model_dump()
    plain["action"]["kind"], plain["action"]["hold"] = "joint_position", ()
    for entry, name in zip(plain["action"]["entries"], ("gap", "hand.x", "gripper"), strict=True):
        entry["name"] = name
    return Contract.model_validate(plain)


def test_where_the_arm_was_led_its_next_place_is_the_action(tmp_path: Path, bag: WrittenBag, convert) -> None:
    bag.write("/gripper_command", Float64(data=0.5))
    bag.episode(range(5))
    bag.close()
    led_contract().save(tmp_path / "led.yaml")
    assert convert(tmp_path / "bag", "--contract", str(tmp_path / "led.yaml"), "--actions", "measured")[0] == 0
    states = np.array([state_values(step, CONTRACT) for step in range(1, 5)], np.float32)
    np.testing.assert_array_equal(convert.store.read("action")[:, :2], states[:, [3, 0]])
    assert convert.store.read("action")[:, 2].tolist() == [0.5] * 4


def test_an_episode_without_a_word_of_its_gripper_is_left_out(tmp_path: Path, bag: WrittenBag, convert) -> None:
    bag.episode(range(5))
    bag.close()
    led_contract().save(tmp_path / "led.yaml")
    options = ("--contract", str(tmp_path / "led.yaml"), "--actions", "measured")
    status, _, error = convert(tmp_path / "bag", *options)
    assert (status, "no gripper_command has come since the recorder began" in error) == (1, True)


def test_a_bag_without_a_recorder_is_one_episode_under_the_contract_given(
    tmp_path: Path, bag: WrittenBag, convert
) -> None:
    for step in range(4):
        bag.step(step)
    bag.close()
    status, _, error = convert(tmp_path / "bag")
    assert (status, error.endswith("its contract is unknown; give --contract")) == (1, True)
    CONTRACT.save(tmp_path / "contract.yaml")
    assert convert(tmp_path / "bag", "--contract", str(tmp_path / "contract.yaml"))[0] == 0
    convert.assert_rows([0, 1, 2, 3])


def test_dropped_camera_info_is_reported_and_the_last_one_counts(tmp_path: Path, bag: WrittenBag, convert) -> None:
    bag.episode(range(4))
    bag.episode(range(10, 14), info=False)
    bag.close()
    status, _, errors = convert(tmp_path / "bag")
    assert status == 2
    assert "/camera/camera/depth/camera_info: 4 messages for 8 images" in errors
    convert.assert_rows([0, 1, 2, 3, 10, 11, 12, 13])


def test_without_any_camera_info_nothing_is_made(tmp_path: Path, bag: WrittenBag, convert) -> None:
    bag.episode(range(4), info=False)
    bag.close()
    status, _, error = convert(tmp_path / "bag")
    assert status == 1
    assert "recording 1 is left out: no camera_info on" in error
    assert not convert.output.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bag"]


def test_an_episode_of_another_resolution_is_left_out(tmp_path: Path, bag: WrittenBag, convert) -> None:
    bag.episode(range(4))
    bag.episode(range(10, 14), size=(32, 24))
    bag.episode(range(20, 24))
    bag.close()
    status, _, errors = convert(tmp_path / "bag")
    assert status == 2
    assert "recording 2 is left out: camera_info says 32×24, the contract 16×12" in errors
    convert.assert_rows([0, 1, 2, 3, 20, 21, 22, 23])


def cut_off(bag: WrittenBag) -> Path:
    """Forty episodes of ten steps in a file of which the end is missing."""
    for first in range(0, 400, 10):
        bag.episode(range(first, first + 10))
    bag.close()
    (file,) = (each for each in bag.path.iterdir() if each.suffix != ".yaml")
    with file.open("r+b") as cut:
        cut.truncate(file.stat().st_size * 7 // 10)
    return file


@pytest.mark.parametrize("has_metadata", [True, False])
def test_of_a_file_that_is_cut_off_whole_episodes_are_kept(
    tmp_path: Path, bag: WrittenBag, convert, has_metadata: bool
) -> None:
    file = cut_off(bag)
    if not has_metadata:
        (tmp_path / "bag" / "metadata.yaml").unlink()
    status, _, errors = convert(tmp_path / "bag")
    assert status == 2
    assert f"{file}: is cut off (" in errors
    assert "the bag ends before it was kept or discarded" in errors
    kept = len(convert.store)
    assert 20 < kept < 40
    convert.assert_rows(list(range(10 * kept)))


def test_a_database_that_is_cut_off_is_reported_and_nothing_is_made(tmp_path: Path, convert) -> None:
    file = cut_off(WrittenBag(tmp_path / "bag", CONTRACT, StoragePlugin.SQLITE3))
    status, _, error = convert(tmp_path / "bag")
    assert status == 1
    assert f"{file}: cannot be read (" in error
    assert not convert.output.exists()


@pytest.mark.parametrize("options", [(), ("--contract", "cropped.yaml")])
def test_a_row_that_the_bag_lost_is_reported(
    tmp_path: Path, bag: WrittenBag, convert, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    small_contract(cloud={"crop_low": (-0.4, -1.0, 0.3)}).save(Path("cropped.yaml"))
    bag.event(EpisodeEvent.START)
    for step in range(4):
        bag.step(step)
    bag.event(EpisodeEvent.KEEP, rows=5)
    bag.close()
    status, _, errors = convert(tmp_path / "bag", *options)
    assert status == 2
    assert "recording 1: the recorder stored 5 rows of it, the bag gives 4; the bag has lost messages" in errors


def start(bag: WrittenBag, contract: Contract) -> None:
    """The recorder begins in real time, under a contract that need not be of the camera's rate or name."""
    settings = {"parameters": {"reliable_sensors": True, "pairing": "time", "sink": "native"}, "topics": {}}
    event = EpisodeEvent(event=EpisodeEvent.START, success=-1)
    event.contract, event.settings = yaml.safe_dump(contract.document()), yaml.safe_dump(settings)
    bag.write("/recorder_node/episode_event", event)


@pytest.mark.parametrize(("control_hz", "rows"), [(20.0, 40), (10.0, 20), (5.0, 10)])
def test_another_control_rate_gives_the_whole_episode_in_other_rows(
    tmp_path: Path, convert, control_hz: float, rows: int
) -> None:
    camera, contract = small_contract(control_hz=20.0), small_contract(control_hz=control_hz)
    bag = WrittenBag(tmp_path / "bag", camera)
    start(bag, CONTRACT)  # of every other image the recorder makes a row
    first_ns = bag.now_ns
    for step in range(40):
        bag.step(step)
    span = {"first_frame": time_message(first_ns), "last_frame": time_message(first_ns + 38 * camera.dt_ns)}
    bag.event(EpisodeEvent.KEEP, rows=20, **span)
    bag.close()
    contract.save(tmp_path / "contract.yaml")
    status, output, errors = convert(tmp_path / "bag", "--contract", str(tmp_path / "contract.yaml"))
    assert (status, errors) == (0, "")
    assert f"{rows} rows, 0 images missing" in output
    convert.assert_rows(list(range(0, 40, 40 // rows)), contract)


def named(camera: str) -> Contract:
    """The small contract, of a camera of another name."""
    plain = CONTRACT.model_dump()
    plain["observation"]["cameras"][0]["name"] = camera
    return Contract.model_validate(plain)


@pytest.mark.parametrize(
    ("recorded", "options"),
    [
        (named("wrist"), ("--contract", "contract.yaml")),
        (CONTRACT, ("--in-order",)),
        (CONTRACT, ("--remap", "native_command:=/native_command")),
    ],
    ids=["camera", "pairing", "topic"],
)
def test_rows_of_other_images_or_commands_are_not_held_against_the_recorders(
    tmp_path: Path,
    bag: WrittenBag,
    convert,
    monkeypatch: pytest.MonkeyPatch,
    recorded: Contract,
    options: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    CONTRACT.save(Path("contract.yaml"))
    start(bag, recorded)
    for step in range(4):
        bag.step(step)
    bag.event(EpisodeEvent.KEEP, rows=3)
    bag.close()
    status, _, errors = convert(tmp_path / "bag", *options)
    assert (status, errors) == (0, "")
    convert.assert_rows([0, 1, 2, 3])


def test_a_camera_of_which_the_bag_has_nothing_is_named(tmp_path: Path, bag: WrittenBag, convert) -> None:
    bag.episode(range(4))
    bag.close()
    named("wrist").save(tmp_path / "wrist.yaml")
    status, _, error = convert(tmp_path / "bag", "--contract", str(tmp_path / "wrist.yaml"))
    assert status == 1
    assert "the bag has nothing on /camera/wrist/depth/camera_info, /camera/wrist/depth/image_rect_raw" in error
    assert error.endswith("record them, or --remap what stands for them")
    assert "\n" not in error
    assert not convert.output.exists()


@pytest.mark.parametrize("what", ["missing", "no bag", "there"])
def test_what_cannot_be_is_one_line(tmp_path: Path, convert, what: str) -> None:
    (tmp_path / "bag").mkdir()
    if what == "there":
        bag = WrittenBag(tmp_path / "whole", CONTRACT)
        bag.episode(range(3))
        bag.close()
        convert.output.mkdir()
    path = {"missing": "nowhere", "no bag": "bag", "there": "whole"}[what]
    status, _, error = convert(tmp_path / path)
    line = {"missing": "no such bag", "no bag": "it is no bag", "there": "exists already; remove it"}[what]
    assert status == 1
    assert line in error
    assert "\n" not in error
