"""The contract: what it refuses, that it survives the disk, and how it names differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.contracts import image_contract, small_contract, with_normaliser
from sdm_core.contract import Contract
from sdm_core.errors import ContractError


def set_entry(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """`document` with the entry at the dotted `path` replaced."""
    *folders, last = path.split(".")
    node: Any = document
    for key in folders:
        node = node[int(key) if key.isdigit() else key]
    node[last] = value
    return document


def test_survives_saving_and_loading_with_every_entry(tmp_path: Path) -> None:
    contract = with_normaliser(small_contract(cloud={"centre": ("hand.x", "hand.y", "hand.z"), "scale": 0.3}))
    contract.save(tmp_path / "contract.yaml")
    assert Contract.load(tmp_path / "contract.yaml") == contract


def test_keeps_the_gripper_s_missing_hold_value_on_disk(tmp_path: Path, contract: Contract) -> None:
    contract.save(tmp_path / "contract.yaml")
    assert Contract.load(tmp_path / "contract.yaml").action.hold == (0.0, 0.0, None)


@pytest.mark.parametrize("hz", [80.0, 30.0, 3.0, 1000.0])
def test_period_is_the_rate_s_inverse_to_the_nanosecond(hz: float) -> None:
    contract = small_contract(control_hz=hz)
    assert contract.dt_ns == round(1e9 / hz)
    assert contract.dt == pytest.approx(1 / hz, abs=1e-9)


def test_another_number_of_executed_actions_changes_nothing_else(contract: Contract) -> None:
    every = contract.replanned(contract.future_actions)
    assert every.n_action_steps == contract.future_actions > contract.n_action_steps
    assert every.replanned(contract.n_action_steps) == contract


@pytest.mark.parametrize("steps", [0, 5])
def test_refuses_to_execute_more_actions_than_a_chunk_has_or_none(steps: int) -> None:
    contract = small_contract(horizon=5).model_copy(update={"past_actions": 1})
    with pytest.raises(ContractError, match=f"replan_steps {steps}: choose from 1 to 4, the actions of a chunk"):
        contract.replanned(steps)


def test_dimensions_and_names_follow_the_entries(contract: Contract) -> None:
    assert (contract.state_dim, contract.action_dim) == (4, 3)
    assert contract.state_names == ("hand.x", "hand.y", "hand.z", "gap")


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("horizon", 0, "horizon"),
        ("n_action_steps", 5, "n_action_steps 5 exceeds horizon 4"),
        ("past_actions", 3, "n_action_steps 2 exceeds horizon 4 without its 3 past actions"),
        ("rates.control_hz", 0.0, "control_hz"),
        ("rates.control_hz", float("nan"), "control_hz"),
        ("rates.control_hz", float("inf"), "control_hz"),
        ("observation.cloud.network_points", 33, "network_points 33 exceeds points 32"),
        ("observation.cloud.points", 0, "points"),
        ("observation.cloud.channels", 4, "channels"),
        ("observation.cloud.start", -1, "start"),
        ("observation.cloud.scale", 0.0, "scale"),
        ("observation.cloud.crop_low", [1.0, -1.0, 0.0], "crop_low"),
        ("observation.cloud.crop_low", [0.0, -1.0], "crop_low"),
        ("observation.cloud.centre", ["hand.x", "hand.y", "elbow"], "elbow"),
        ("observation.cloud.sampling", "random", "sampling"),
        ("observation.cameras.0.depth_encoding", "mono16", "depth_encoding"),
        ("observation.state.1.name", "hand.x", "hand.x"),
        ("action.kind", "torque", "kind"),
        ("action.entries.0.low", 1.0, "'dx'"),
        ("action.entries.0.max_velocity", -1.0, "max_velocity"),
        ("action.hold", [0.0], "hold"),
        ("version", 2, "version"),
        ("preprocessing", 0, "preprocessing"),
        ("tsak", "test/reach", "tsak"),
        ("observation.crop", 1, "crop"),
    ],
)
def test_refuses_a_wrong_entry_in_one_line_that_names_it(path: str, value: Any, named: str, contract: Contract) -> None:
    document = set_entry(contract.document(), path, value)
    with pytest.raises(ContractError) as caught:
        Contract.parse(document, "here/contract.yaml")
    message = str(caught.value)
    assert message.startswith("here/contract.yaml: ")
    assert named in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("observation.images.0.size", [0, 6], "size"),
        ("observation.images.0.network_size", [9, 6], "network_size 9×6 exceeds size 8×6"),
        ("observation.images.0.steps", 0, "steps"),
        ("observation.images.0.camera", "a/b", "camera"),
        ("observation.images.0.camera", "wrist", "images name a camera twice: wrist, wrist"),
        ("observation.images.0.camera", "side", "one camera 'side' with a colour_encoding, 0 are named"),
        ("observation.images.0.crop", [9, 0, 8, 12], "leaves the 16×12 pixels of camera 'front'"),
        ("observation.images.0.crop", [0, 0, 0, 12], "crop"),
        ("observation.images.0.crop", [-1, 0, 8, 8], "crop"),
        ("observation.cameras.1.colour_encoding", None, "one camera 'wrist' with a colour_encoding"),
        ("observation.cameras.1.colour_encoding", "bgr8", "colour_encoding"),
    ],
)
def test_refuses_images_that_no_camera_can_give(path: str, value: Any, named: str) -> None:
    document = set_entry(image_contract(cameras=("front", "wrist")).document(), path, value)
    with pytest.raises(ContractError) as caught:
        Contract.parse(document, "here/contract.yaml")
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("colourless", [0, 1])
def test_refuses_coloured_points_of_a_camera_without_colour(colourless: int) -> None:
    document = small_contract(cloud={"channels": 6}).document()
    front, left = {**document["observation"]["cameras"][0], "name": "front"}, document["observation"]["cameras"][0]
    seen = {**left, "name": "seen", "depth_encoding": None, "colour_encoding": None}  # gives no points
    document["observation"]["cameras"] = [front, left, seen]
    assert len(Contract.parse(document, "here/contract.yaml").observation.cameras) == 3
    broken = set_entry(document, f"observation.cameras.{colourless}.colour_encoding", None)
    named = f"camera '{('front', 'camera')[colourless]}' has no colour_encoding"
    with pytest.raises(ContractError, match=f"cloud of 6 channels needs colour in the pixels of depth: {named}"):
        Contract.parse(broken, "here/contract.yaml")


def test_a_coloured_cloud_survives_saving_and_loading(tmp_path: Path) -> None:
    contract = small_contract(cloud={"channels": 6})
    contract.save(tmp_path / "contract.yaml")
    loaded = Contract.load(tmp_path / "contract.yaml")
    assert loaded == contract
    assert loaded.observation.cloud is not None
    assert (loaded.observation.cloud.coloured, loaded.observation.cameras[0].colour_encoding) == (True, "rgb8")


def test_images_survive_saving_and_loading_and_contracts_without_them_stay_valid(tmp_path: Path) -> None:
    contract = image_contract(with_cloud=True, image={"crop": (0, 0, 12, 12), "network_size": (7, 5), "steps": 2})
    contract.save(tmp_path / "contract.yaml")
    assert Contract.load(tmp_path / "contract.yaml") == contract
    before = small_contract().document()
    del before["observation"]["images"]  # as written by earlier versions
    assert Contract.parse(before, "contract.yaml") == small_contract()


@pytest.mark.parametrize("missing", ["task", "rates", "observation", "action", "horizon"])
def test_refuses_a_missing_entry_by_name(missing: str, contract: Contract) -> None:
    document = contract.document()
    del document[missing]
    with pytest.raises(ContractError, match=missing):
        Contract.parse(document, "contract.yaml")


@pytest.mark.parametrize("which", ["state", "action"])
@pytest.mark.parametrize("bound", ["low", "high"])
def test_refuses_statistics_of_another_length(which: str, bound: str, contract: Contract) -> None:
    document = with_normaliser(contract).document()
    document["normaliser"][which][bound] = [0.0]
    with pytest.raises(ContractError, match="normaliser"):
        Contract.parse(document, "contract.yaml")


@pytest.mark.parametrize("text", ["", "[1, 2]", "just words", "{unclosed: [", "\x00"])
def test_a_file_that_holds_no_contract_is_one_clear_error(text: str, tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(text)
    with pytest.raises(ContractError) as caught:
        Contract.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_binary_file_or_none_at_all_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    with pytest.raises(ContractError, match=r"No such file .*; name a checkpoint's folder, .*fr3_contract\.yaml$"):
        Contract.load(path)
    path.write_bytes(bytes(range(128, 256)))
    with pytest.raises(ContractError, match="not valid YAML"):
        Contract.load(path)
    with pytest.raises(ContractError, match="directory"):
        Contract.load(tmp_path)


def test_runs_no_code_hidden_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(f"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{tmp_path}/ran']]")
    with pytest.raises(ContractError):
        Contract.load(path)
    assert not (tmp_path / "ran").exists()


def test_cannot_be_changed_once_made(contract: Contract) -> None:
    with pytest.raises(ValueError, match="frozen"):
        contract.horizon = 8


def test_differences_name_each_entry_with_both_values(contract: Contract) -> None:
    other = Contract.parse(
        set_entry(set_entry(contract.document(), "rates.control_hz", 20.0), "observation.state.3.name", "width"),
        "other",
    )
    assert contract.differences(other) == [
        "rates.control_hz: 10.0 expected, 20.0 found",
        "observation.state[3].name: 'gap' expected, 'width' found",
    ]


def test_differences_see_entries_that_only_one_side_has(contract: Contract) -> None:
    other = Contract.parse(set_entry(contract.document(), "action.entries.0.max_velocity", 2.0), "other")
    assert contract.differences(other) == ["action.entries[0].max_velocity: None expected, 2.0 found"]
    assert other.differences(contract) == ["action.entries[0].max_velocity: 2.0 expected, None found"]


def test_differences_see_another_number_of_entries(contract: Contract) -> None:
    lines = contract.differences(small_contract(state=("hand.x", "hand.y", "hand.z")))
    assert len(lines) == 1
    assert lines[0].startswith("observation.state: ")


def test_statistics_are_no_difference(contract: Contract) -> None:
    assert contract.differences(with_normaliser(contract)) == []
    assert with_normaliser(contract).differences(contract) == []


def test_a_document_is_plain_yaml(contract: Contract) -> None:
    assert yaml.safe_load(yaml.safe_dump(contract.document())) == contract.document()
