"""From demonstrations of images to a one-step student that solves the task, by the programs and shipped settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.toy_task import ToyTask
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_sim.programs import demos
from sdm_sim.rollout import run_episode
from sdm_training.programs.distill import DistillSettings, distill
from sdm_training.programs.train import TrainSettings, train_teacher
from sdm_training.settings import composed

CONFIG = Path(__file__).parents[2] / "config"
SMALLER = [
    "network=dp2d_small",
    "network.encoder.widths=[8,16]",
    "network.encoder.blocks=[1,1]",
    "network.denoiser.width=64",
    "network.denoiser.blocks=2",
]
SEEDS = range(100, 110)


def successes(checkpoint: Path) -> int:
    """Of ten unseen starts; a policy that learned nothing has none."""
    runtime = PolicyRuntime(checkpoint)
    return sum(run_episode(ToyTask(), runtime, seed).success for seed in SEEDS)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sdm_training.settings.share_directory", lambda package: CONFIG.parent)
    monkeypatch.setattr(demos, "make_task", lambda name: ToyTask())
    return tmp_path


def test_a_policy_of_images_is_recorded_trained_distilled_exported_and_solves_its_task(here: Path) -> None:
    demos.record("test/toy", 20, 0, 0, False, "data/test/toy.zarr", images=True, image_size=12)
    common = ["task=test/toy", *SMALLER]
    train_teacher(
        composed("train", TrainSettings, [*common, "teacher.method=dp2d", "teacher.steps=400", "export.nfe=[10]"])
    )
    distill(composed("distill", DistillSettings, [*common, "distiller=sdm", "distiller.steps=150",
                                                  "teacher_run=runs/test/toy/dp2d_dp2d_small_seed0"]))  # fmt: skip
    runs = here / "runs/test/toy"
    teacher, student = runs / "dp2d_dp2d_small_seed0/export_nfe10", runs / "sdm_dp2d_small_seed0/export"
    contract = PolicyRuntime(student).contract
    assert contract.observation.cloud is None
    assert contract.observation.images[0].network_size == (14, 11)
    assert successes(teacher) >= 6
    assert successes(student) >= 6
