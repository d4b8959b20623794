"""Checkpoint folders: whole on disk, validated on opening."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from helpers.contracts import small_contract, with_normaliser
from helpers.linear_policy import LinearPolicy
from sdm_core.checkpoint import Checkpoint, contract_at
from sdm_core.contract import Contract
from sdm_core.errors import CheckpointError, ContractError


def test_what_is_written_is_what_opens(tmp_path: Path, contract: Contract, policy: LinearPolicy) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(b"tensors")
    metrics = {"method": "sdm", "network": "small", "nfe": 1, "success": [1, 2]}
    path = tmp_path / "deep" / "checkpoint"
    Checkpoint.write(path, with_normaliser(contract), policy.onnx(), metrics, {"seed": 3}, weights)
    opened = Checkpoint.open(str(path))
    assert opened.contract == with_normaliser(contract)
    assert opened.metrics == metrics
    assert opened.nfe == 1
    assert opened.network.read_bytes() == policy.onnx()
    assert yaml.safe_load((path / "training.yaml").read_text()) == {"seed": 3}
    assert (path / "weights.safetensors").read_bytes() == b"tensors"


def test_writing_again_replaces_the_whole_folder(tmp_path: Path, policy: LinearPolicy) -> None:
    policy.write(tmp_path / "checkpoint")
    (tmp_path / "checkpoint" / "weights.safetensors").write_bytes(b"of the old network")
    policy.write(tmp_path / "checkpoint", {"nfe": 10})
    assert Checkpoint.open(tmp_path / "checkpoint").nfe == 10
    assert not (tmp_path / "checkpoint" / "weights.safetensors").exists()


def test_an_interrupted_write_leaves_the_old_checkpoint(
    tmp_path: Path, contract: Contract, policy: LinearPolicy
) -> None:
    policy.write(tmp_path / "checkpoint")
    with pytest.raises(FileNotFoundError):
        Checkpoint.write(
            tmp_path / "checkpoint", with_normaliser(contract), b"new", {"method": "sdm"}, {}, tmp_path / "no weights"
        )
    assert Checkpoint.open(tmp_path / "checkpoint").network.read_bytes() == policy.onnx()
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def unlink(name: str) -> Callable[[Path], None]:
    return lambda path: (path / name).unlink()


def overwrite(name: str, text: str) -> Callable[[Path], object]:
    return lambda path: (path / name).write_text(text)


BREAKAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no contract": (unlink("contract.yaml"), "lacks contract.yaml"),
    "no network": (unlink("model.onnx"), "lacks model.onnx"),
    "no metrics": (unlink("metrics.json"), "lacks metrics.json"),
    "metrics cut short": (overwrite("metrics.json", '{"method": '), "metrics.json: not valid JSON"),
    "metrics of another kind": (overwrite("metrics.json", "[1]"), "metrics.json"),
    "metrics a number": (overwrite("metrics.json", "3"), "metrics.json"),
    "metrics without method": (overwrite("metrics.json", '{"network": "small"}'), "lacks method, nfe"),
    "evaluations not a number": (
        overwrite("metrics.json", '{"network": "small", "method": "sdm", "nfe": "one"}'),
        "nfe",
    ),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_broken_folder_is_one_clear_error(breakage: str, checkpoint: Checkpoint) -> None:
    break_it, named = BREAKAGES[breakage]
    break_it(checkpoint.path)
    with pytest.raises(CheckpointError) as caught:
        Checkpoint.open(checkpoint.path)
    assert named in str(caught.value)
    assert str(checkpoint.path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_a_training_run_its_exports_are_named(tmp_path: Path) -> None:
    for name in ("export_nfe2", "export_nfe10"):
        (tmp_path / "run" / name).mkdir(parents=True)
    with pytest.raises(CheckpointError, match=r"run: a training run, .*; name its export_nfe10 or export_nfe2$"):
        Checkpoint.open(tmp_path / "run")


def test_a_folder_and_its_contract_file_name_the_same_contract(checkpoint: Checkpoint) -> None:
    assert contract_at(checkpoint.path) == contract_at(str(checkpoint.path / "contract.yaml")) == checkpoint.contract
    with pytest.raises(ContractError, match="absent: No such file"):
        contract_at(checkpoint.path / "absent")


def test_a_broken_contract_is_named(checkpoint: Checkpoint) -> None:
    (checkpoint.path / "contract.yaml").write_text("task: test/reach\n")
    with pytest.raises(ContractError, match=r"contract\.yaml: rates"):
        Checkpoint.open(checkpoint.path)


def test_a_contract_without_statistics_is_refused(checkpoint: Checkpoint) -> None:
    small_contract().save(checkpoint.path / "contract.yaml")
    with pytest.raises(CheckpointError, match="no normaliser statistics"):
        Checkpoint.open(checkpoint.path)


def test_no_folder_or_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("nowhere", "file"):
        with pytest.raises(CheckpointError, match=f"{name}: no such checkpoint folder"):
            Checkpoint.open(tmp_path / name)


def test_metrics_are_readable_by_people(checkpoint: Checkpoint) -> None:
    text = (checkpoint.path / "metrics.json").read_text()
    assert json.loads(text) == checkpoint.metrics
    assert len(text.splitlines()) > 3
