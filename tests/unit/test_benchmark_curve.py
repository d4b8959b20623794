"""Points of a learning curve: a snapshot's weights, its step, and the seconds that it took until then."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.training import demonstrations, small_contract
from sdm_core.checkpoint import Checkpoint
from sdm_core.datasets.dataset import Episode, EpisodeStore
from sdm_core.errors import CheckpointError
from sdm_training.evaluation.closed_loop import Outcome
from sdm_training.evaluation.protocols import snapshot
from sdm_training.programs.train import TrainSettings, train_teacher
from sdm_training.runs.run_folder import RunFolder
from sdm_training.settings import composed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path, monkeypatch) -> RunFolder:
    """A teacher of six steps that has kept three snapshots, exported in 32 bits."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sdm_training.settings.share_directory", lambda package: ROOT)
    data = demonstrations((9,), small_contract(256))
    store = EpisodeStore.create(tmp_path / "data/test/reach.zarr", data.contract)
    store.append(Episode(data.state, data.action, data.point_cloud))
    overrides = ("task=test/reach", "network.points=128", "teacher.steps=6", "loop.snapshots=3")
    export = ("export.nfe=[10]", "export.half_weights=false")
    train_teacher(composed("train", TrainSettings, (*overrides, *export)))
    return RunFolder("runs/test/reach/dp3_small_seed0")


def test_a_snapshot_s_line_is_of_its_own_weights_step_and_time(run):
    evaluated: list[bytes] = []
    stored_as: list[str] = []

    def evaluate(checkpoint: Path, episodes: int) -> list[Outcome]:
        evaluated.append((checkpoint / "weights.safetensors").read_bytes())
        stored_as.append(Checkpoint.open(checkpoint).metrics["weights"])
        return [Outcome(100 + index, index == 0, 7) for index in range(episodes)]

    data = demonstrations((9,), small_contract(256))
    lines = [snapshot(run, number, data, 4, evaluate) for number in (1, 2, 3)]
    assert evaluated == [file.read_bytes() for file in run.snapshots()]
    assert stored_as == ["float32"] * 3, "as the final weights are"
    assert [(line["protocol"], line["snapshot"], line["step"], line["nfe"]) for line in lines] == [
        ("snapshot", 1, 2, 10),
        ("snapshot", 2, 4, 10),
        ("snapshot", 3, 6, 10),
    ]
    assert all((line["successes"], line["episodes"], line["outcomes"]) == (1, 4, "1000") for line in lines)
    assert all("action_error" not in line for line in lines), "that was measured of the final weights"
    times = [line["train_s"] for line in lines]
    assert 0 <= times[0] <= times[1] <= times[2] <= float(run.effort()["train_s"])
    with pytest.raises(CheckpointError, match="kept 3 snapshots: there is no snapshot 4"):
        snapshot(run, 4, data, 4, evaluate)
