"""A moving variant through the graph: the object goes the same way, and the actions are those of a direct run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.bridge import bridge
from helpers.graph import graph
from helpers.linear_policy import LinearPolicy
from sdm_core.policy_runtime import PolicyRuntime
from sdm_sim.metaworld.task import MetaWorldTask
from sdm_sim.registry import make_task
from sdm_sim.rollout import run_episode

TASK = "metaworld/push-wall+moving"
SEED = 2


def test_lockstep_gives_the_actions_of_a_direct_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdm_sim.metaworld.task.STEP_LIMIT", 60)
    task, still = make_task(TASK), MetaWorldTask("push-wall")
    checkpoint = LinearPolicy(task.contract, seed=2, gain=2.0, noise_gain=0.3).write(tmp_path / "policy").path
    runtime = PolicyRuntime(checkpoint)
    expected, at_rest = run_episode(task, runtime, SEED), run_episode(still, runtime, SEED)
    task.close()
    still.close()
    with graph(tmp_path, use_sim_time=True) as nodes:
        nodes.start("policy_node", checkpoint=checkpoint, command="inline", reliable_sensors=True)
        with bridge(nodes, task=TASK, episodes=1, seed0=SEED) as node:
            (outcome,) = node.run()
    assert (outcome.success, outcome.steps, outcome.misses) == (expected.success, expected.steps, 0)
    assert np.abs(outcome.actions - expected.actions).max() <= 1e-6
    assert np.abs(at_rest.actions - expected.actions).max() > 1e-3, "the policy sees the object move"
