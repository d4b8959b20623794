"""The shipped students over twenty unseen episodes each: the graph in lockstep equals the direct run. Minutes long."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.bridge import bridge
from helpers.graph import graph
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_core.share import share_directory
from sdm_sim.registry import make_task
from sdm_sim.rollout import run_episode

pytestmark = pytest.mark.slow

STUDENTS = sorted((share_directory("sdm_bringup") / "models").glob("*_sdm"))
SEED0, EPISODES = 50000, 20


@pytest.mark.parametrize("checkpoint", STUDENTS, ids=lambda path: path.name)
def test_lockstep_gives_the_actions_and_outcomes_of_a_direct_run(checkpoint: Path, tmp_path: Path) -> None:
    runtime = PolicyRuntime(checkpoint)
    task = make_task(runtime.contract.task)
    expected = [run_episode(task, runtime, seed) for seed in range(SEED0, SEED0 + EPISODES)]
    task.close()
    sink = "pose" if runtime.contract.action.kind == "ee_pose" else "native"
    with graph(tmp_path, use_sim_time=True) as nodes:
        nodes.start("policy_node", checkpoint=checkpoint, command="inline", sink=sink, reliable_sensors=True)
        with bridge(nodes, task=task.name, episodes=EPISODES, seed0=SEED0, camera_every=0) as node:
            outcomes = node.run()
    assert [outcome.success for outcome in outcomes] == [episode.success for episode in expected]
    for one, other in zip(expected, outcomes, strict=True):
        assert np.abs(one.actions - other.actions).max() <= 1e-6
