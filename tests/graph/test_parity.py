"""Driving a task through the graph in lockstep is driving it directly: same actions, same outcomes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.bridge import bridge, require_same_in_lockstep
from helpers.contracts import small_contract
from helpers.graph import graph
from helpers.linear_policy import LinearPolicy
from helpers.toy_task import ToyTask
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_sim.registry import make_task
from sdm_sim.rollout import EpisodeResult, run_episode

TASK = "metaworld/drawer-close"
SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy that closes the drawer for some seeds, amid a chunk, and for others not at all."""
    task = make_task(TASK)
    path = tmp_path_factory.mktemp("parity") / "policy"
    LinearPolicy(task.contract, seed=2, gain=2.0).write(path)
    task.close()
    return path


@pytest.fixture(scope="module")
def direct(checkpoint: Path) -> list[EpisodeResult]:
    task, runtime = make_task(TASK), PolicyRuntime(checkpoint)
    episodes = [run_episode(task, runtime, seed) for seed in SEEDS]
    task.close()
    return episodes


def test_the_policy_of_this_test_ends_both_ways(direct: list[EpisodeResult]) -> None:
    assert {episode.success for episode in direct} == {True, False}


@pytest.mark.parametrize("camera_every", [0, 1, 2])
def test_lockstep_gives_the_actions_and_outcomes_of_a_direct_run(
    checkpoint: Path, direct: list[EpisodeResult], camera_every: int, tmp_path: Path
) -> None:
    with graph(tmp_path, use_sim_time=True) as nodes:
        nodes.start("policy_node", checkpoint=checkpoint, command="inline", reliable_sensors=True)
        with bridge(nodes, task=TASK, episodes=len(SEEDS), seed0=SEEDS[0], camera_every=camera_every) as node:
            outcomes = node.run()
    for expected, found in zip(direct, outcomes, strict=True):
        assert (found.seed, found.success, found.steps) == (expected.seed, expected.success, expected.steps)
        assert np.abs(found.actions - expected.actions).max() <= 1e-6
        assert (found.misses, found.refused) == (0, 0)


def test_a_noisy_camera_is_as_noisy_in_lockstep_as_directly(
    checkpoint: Path, direct: list[EpisodeResult], tmp_path: Path
) -> None:
    task = make_task(TASK)
    expected = run_episode(task, PolicyRuntime(checkpoint), SEEDS[0], camera_noise="d4xx")
    task.close()
    steps = min(expected.steps, direct[0].steps)
    assert np.abs(expected.actions[:steps] - direct[0].actions[:steps]).max() > 1e-3
    with graph(tmp_path, use_sim_time=True) as nodes:
        nodes.start("policy_node", checkpoint=checkpoint, command="inline", reliable_sensors=True)
        with bridge(nodes, task=TASK, episodes=1, seed0=SEEDS[0], camera_every=2, camera_noise="d4xx") as node:
            (found,) = node.run()
    assert (found.success, found.steps) == (expected.success, expected.steps)
    assert np.abs(found.actions - expected.actions).max() <= 1e-6


@pytest.mark.parametrize("cloud_steps", [2, 3])
def test_lockstep_shows_a_policy_with_a_history_the_clouds_of_a_direct_run(
    cloud_steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdm_sim.bridge.bridge_node.make_task", lambda name: ToyTask())
    contract = small_contract(task="test/toy", n_action_steps=3, cloud={"steps": cloud_steps})
    checkpoint = LinearPolicy(contract, seed=2, gain=2.0, noise_gain=0.5).write(tmp_path / "policy").path
    expected = run_episode(ToyTask(), PolicyRuntime(checkpoint), 1)
    assert expected.refused == 0
    require_same_in_lockstep(tmp_path, checkpoint, expected)
