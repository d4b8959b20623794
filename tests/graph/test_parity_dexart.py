"""DexArt on the graph: sapien's physics and a mirror's depth, in lockstep as driven directly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.bridge import bridge
from helpers.dexart_assets import write_assets
from helpers.graph import graph
from helpers.linear_policy import LinearPolicy
from sdm_core.policy_runtime import PolicyRuntime
from sdm_sim.registry import make_task
from sdm_sim.rollout import run_episode

pytest.importorskip("sapien", reason="the extra dexart is not installed: pip install sapien==3.0.3")

TASK = "dexart/bucket"
SEED = 1


def test_lockstep_gives_the_actions_and_outcome_of_a_direct_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDM_DEXART_ASSETS", str(write_assets(tmp_path / "assets", ["bucket"])))
    task = make_task(TASK)
    checkpoint = LinearPolicy(task.contract, seed=2, gain=2.0).write(tmp_path / "policy").path
    expected = run_episode(task, PolicyRuntime(checkpoint), SEED)
    task.close()
    assert np.abs(np.diff(expected.actions, axis=0)).max() > 0.01  # the policy of this test does move the robot
    with graph(tmp_path, use_sim_time=True) as nodes:
        nodes.start("policy_node", checkpoint=checkpoint, command="inline", reliable_sensors=True)
        with bridge(nodes, task=TASK, episodes=1, seed0=SEED) as node:
            (found,) = node.run()
    assert (found.success, found.misses, found.refused) == (expected.success, 0, expected.refused)
    assert found.steps == expected.steps == task.step_limit
    assert np.abs(found.actions - expected.actions).max() <= 1e-6
