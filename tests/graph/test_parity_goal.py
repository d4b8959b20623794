"""A marked goal on the graph: the same clouds, and so the same actions, in lockstep as driven directly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from helpers.bridge import bridge
from helpers.graph import graph
from helpers.linear_policy import LinearPolicy
from sdm_core.policy_runtime import PolicyRuntime
from sdm_sim.registry import make_task
from sdm_sim.rollout import run_episode

TASK = "metaworld/assembly+goal"
SEED = 1


def test_lockstep_gives_the_actions_and_outcome_of_a_direct_run(tmp_path: Path) -> None:
    task = make_task(TASK)
    checkpoint = LinearPolicy(task.contract, seed=2, gain=2.0).write(tmp_path / "policy").path
    expected = run_episode(task, PolicyRuntime(checkpoint), SEED)
    task.close()
    with graph(tmp_path, use_sim_time=True) as nodes:
        nodes.start("policy_node", checkpoint=checkpoint, command="inline", reliable_sensors=True)
        with bridge(nodes, task=TASK, episodes=1, seed0=SEED) as node:
            (found,) = node.run()
    assert (found.success, found.steps, found.misses) == (expected.success, expected.steps, 0)
    assert np.abs(found.actions - expected.actions).max() <= 1e-6
