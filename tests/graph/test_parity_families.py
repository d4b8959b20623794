"""A task of every family and variant in lockstep on the graph: same actions, same outcome as driven directly.

Each has its own physics, cameras, commands and length of episodes; test_parity.py and test_parity_franka.py have more
of MetaWorld and of the Franka cell.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.bridge import bridge
from helpers.dexart_assets import write_assets
from helpers.graph import graph
from helpers.linear_policy import LinearPolicy
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_sim import registry
from sdm_sim.rollout import run_episode
from sdm_sim.task import Task

SEED = 1
# A policy that knows nothing need not go on for long.
STEPS = 24
# Extras that are not installed everywhere.
PACKAGES = {"dexart": "sapien", "robomimic": "robosuite"}


def short(name: str) -> Task:
    task = registry.make_task(name)
    task.step_limit = STEPS
    return task


@pytest.mark.parametrize(
    ("name", "gain"),
    [
        ("adroit/door", 2.0),
        ("dexart/bucket", 2.0),
        ("dexhand/faucet", 2.0),
        ("robomimic/lift", 0.5),
        pytest.param("metaworld/assembly+goal", 2.0, marks=pytest.mark.slow),
        pytest.param("metaworld/push-wall+moving", 2.0, marks=pytest.mark.slow),
    ],
)
def test_lockstep_gives_the_actions_and_outcome_of_a_direct_run(
    name: str, gain: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = name.split("/")[0]
    if family in PACKAGES:
        pytest.importorskip(PACKAGES[family], reason=f"the extra {family} is not installed")
    if family == "dexart":
        monkeypatch.setenv("SDM_DEXART_ASSETS", str(write_assets(tmp_path / "assets", ["bucket"])))
    monkeypatch.setattr("sdm_sim.bridge.bridge_node.make_task", short)
    task = short(name)
    checkpoint = LinearPolicy(task.contract, seed=2, gain=gain).write(tmp_path / "policy").path
    expected = run_episode(task, PolicyRuntime(checkpoint), SEED)
    task.close()
    assert np.ptp(expected.actions, axis=0).max() > 0.01  # the policy of this test does move the robot
    with graph(tmp_path, use_sim_time=True) as nodes:
        nodes.start("policy_node", checkpoint=checkpoint, command="inline", reliable_sensors=True)
        with bridge(nodes, task=name, episodes=1, seed0=SEED) as node:
            (found,) = node.run()
    assert (found.success, found.misses, found.refused) == (expected.success, 0, expected.refused)
    assert found.steps == expected.steps == STEPS
    assert np.abs(found.actions - expected.actions).max() <= 1e-6
