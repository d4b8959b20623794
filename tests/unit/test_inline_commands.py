"""A chunk's commands at once: native ones bit for bit, motions from where the robot stands, relative ones anchored."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.contracts import small_contract
from helpers.motion import joint_contract, pose_contract
from numpy.typing import NDArray
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_gate import GateDecision
from sdm_core.commands.inline_commands import InlineCommands
from sdm_core.contract import Contract

STAND = np.array([0.1, 0.2, 0.3, 0.0, 0.0, 0.0, 1.0])


def chunk_of(contract: Contract, target: list[float], chunks: int = 0) -> ActionChunk:
    stamp = chunks * contract.n_action_steps * contract.dt_ns
    return ActionChunk(stamp, contract.dt_ns, np.tile(np.array(target), (contract.horizon, 1)), chunks)


def stacked(decisions: list[GateDecision]) -> NDArray[np.float64]:
    return np.stack([decision.command for decision in decisions if decision.command is not None])


def test_native_commands_are_the_chunk_s_own() -> None:
    contract = small_contract()
    targets = np.random.default_rng(0).uniform(-1, 1, (contract.horizon, 3))
    commands = InlineCommands(contract, 3).commands(ActionChunk(0, contract.dt_ns, targets, 0), np.zeros(4))
    assert stacked(commands).tobytes() == targets[:3].tobytes()
    assert InlineCommands(contract, 3).standing(np.ones(4)).tolist() == [0, 0, 0]


def test_a_motion_begins_where_the_robot_stands() -> None:
    contract = joint_contract()
    inline = InlineCommands(contract, 4)
    stand = np.array([0.3, -0.2])
    assert inline.standing(stand).tolist() == stand.tolist()
    first = stacked(inline.commands(chunk_of(contract, [0.5, -0.2]), stand))
    assert first[0] == pytest.approx(stand, abs=1e-3)
    # The robot lags behind its commands: the second chunk goes on from those.
    second = stacked(inline.commands(chunk_of(contract, [0.5, -0.2], 1), stand))
    assert second[0][0] > first[-1][0]
    inline.reset()
    assert stacked(inline.commands(chunk_of(contract, [0.5, -0.2], 2), stand))[0] == pytest.approx(first[0])


def test_relative_actions_are_anchored_and_end_nowhere() -> None:
    contract = pose_contract("ee_delta")
    inline = InlineCommands(contract, 4)
    far = STAND + np.array([5.0, 0, 0, 0, 0, 0, 0])
    for chunks in range(40):
        last = stacked(inline.commands(chunk_of(contract, [0.05, 0, 0, 0, 0, 0, 1.0, 1.0], chunks), far))[-1]
    assert last == pytest.approx([5.15, 0.2, 0.3, 0, 0, 0, 1.0, 1.0], abs=1e-4)
