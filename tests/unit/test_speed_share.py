"""Slower than recorded: the velocity that leaves the command pipeline, and what has no speed."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.contracts import small_contract
from helpers.motion import POSE_AT_REST, pose_contract, rate_contract
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.speed_share import slowed
from sdm_core.errors import ContractError


def test_a_pose_is_approached_at_the_share_of_the_contract_s_speed_and_no_faster():
    fastest = {}
    for share in (1.0, 0.2):
        contract = slowed(pose_contract(), share)
        pipeline = CommandPipeline(contract, max_age_ns=10**10)
        pipeline.reset(POSE_AT_REST)
        target = POSE_AT_REST + np.array([0.4, 0, 0, 0, 0, 0, 0, 1.0])
        pipeline.add(ActionChunk(0, contract.dt_ns, np.tile(target, (100, 1)), 0))
        commands = np.array([pipeline.tick(step * contract.dt_ns).command for step in range(100)])
        fastest[share] = np.abs(np.diff(commands[:, 0])).max() / contract.dt
        assert commands[-1, -1] == 1.0  # the gripper closes as ever
    assert fastest[0.2] == pytest.approx(0.2 * 0.5, rel=1e-6)
    assert fastest[1.0] > 3 * fastest[0.2]


def test_a_stop_may_brake_as_hard_as_ever():
    before, after = pose_contract().action.entries[0], slowed(pose_contract(), 0.1).action.entries[0]
    assert (after.max_acceleration, after.max_jerk) == (before.max_acceleration, before.max_jerk)


def test_rates_are_bounded_by_the_share():
    assert [(e.low, e.high) for e in slowed(rate_contract(), 0.5).action.entries] == [(-0.25, 0.25)] * 2


def test_native_commands_have_no_speed_to_take_a_share_of():
    with pytest.raises(ContractError, match=r"speed_share 0\.5: 'native' commands have no speed"):
        slowed(small_contract(), 0.5)
    assert slowed(small_contract(), 1.0) == small_contract()
