"""The hand on the graph: a command of 30 joints, in lockstep as driven directly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.bridge import bridge
from helpers.graph import graph
from helpers.linear_policy import LinearPolicy
from sdm_core.policy_runtime import PolicyRuntime
from sdm_sim.dexhand.task import DexHandTask
from sdm_sim.rollout import run_episode

TASK = "dexhand/faucet"
SEED = 1
# A policy that knows nothing need not go on for five seconds.
STEPS = 40


def short(name: str) -> DexHandTask:
    task = DexHandTask(name.removeprefix("dexhand/"))
    task.step_limit = STEPS
    return task


def test_lockstep_gives_the_actions_and_outcome_of_a_direct_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdm_sim.bridge.bridge_node.make_task", short)
    task = short(TASK)
    checkpoint = LinearPolicy(task.contract, seed=2, gain=2.0).write(tmp_path / "policy").path
    expected = run_episode(task, PolicyRuntime(checkpoint), SEED)
    task.close()
    assert np.abs(np.diff(expected.actions, axis=0)).max() > 0.01  # the policy of this test does move the hand
    with graph(tmp_path, use_sim_time=True) as nodes:
        nodes.start("policy_node", checkpoint=checkpoint, command="inline", reliable_sensors=True)
        with bridge(nodes, task=TASK, episodes=1, seed0=SEED) as node:
            (found,) = node.run()
    assert (found.success, found.misses, found.refused) == (expected.success, 0, 0)
    assert found.steps == expected.steps == STEPS
    assert np.abs(found.actions - expected.actions).max() <= 1e-6
