"""What lies in models/ is whole, small enough, and runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sdm_core.checkpoint import Checkpoint
from sdm_core.runtime.observation_window import PolicyInput
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_core.share import share_directory
from sdm_sim.registry import make_task
from sdm_sim.rollout import run_episode

MODELS = share_directory("sdm_bringup") / "models"
FOLDERS = sorted(path for path in MODELS.iterdir() if path.is_dir())
MB = 1e6


def test_six_students_and_two_of_their_teachers_are_shipped() -> None:
    methods = [Checkpoint.open(folder).metrics["method"] for folder in FOLDERS]
    assert methods.count("sdm") >= 6
    assert methods.count("dp3") == 2


def test_they_stay_small() -> None:
    sizes = [path.stat().st_size for folder in FOLDERS for path in folder.iterdir()]
    assert max(sizes) <= 8 * MB
    assert sum(sizes) <= 40 * MB


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_shipped_policy_says_what_it_is_and_gives_bounded_commands(folder: Path) -> None:
    runtime = PolicyRuntime(folder)
    metrics, contract = runtime.checkpoint.metrics, runtime.contract
    assert folder.name.startswith(contract.task.replace("/", "_"))
    assert metrics["success"]["episodes"] >= 100
    assert metrics["nfe"] == (1 if folder.name.endswith("_sdm") else 10)
    cloud, rng = contract.observation.cloud, np.random.default_rng(0)
    assert cloud is not None
    points = rng.uniform(cloud.crop_low, cloud.crop_high, (1, cloud.points, 3)).astype(np.float32)
    state = np.tile(rng.uniform(0.0, 0.6, contract.state_dim), (contract.n_obs_steps, 1))
    chunk = runtime.infer(PolicyInput(0, state, points))
    assert chunk.targets.shape == (contract.horizon, contract.action_dim)
    assert (np.abs(chunk.targets) <= 1.0).all()


def test_the_push_wall_student_solves_unseen_episodes() -> None:
    task, runtime = make_task("metaworld/push-wall"), PolicyRuntime(MODELS / "metaworld_push-wall_sdm")
    results = [run_episode(task, runtime, seed) for seed in range(40000, 40005)]
    task.close()
    assert sum(result.success for result in results) >= 4
