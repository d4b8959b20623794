"""In the shadows: where chunks end, against where the robot is by then."""

# pyright: reportOptionalMemberAccess=false

from __future__ import annotations

import numpy as np
import pytest
from helpers.motion import POSE_AT_REST, joint_contract, pose_contract
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_space import quaternion
from sdm_core.commands.shadow_score import ShadowScore


def chunk(contract, stamp_ns: int, end: np.ndarray) -> ActionChunk:
    targets = np.zeros((contract.horizon, len(end)))
    targets[-1] = end
    return ActionChunk(stamp_ns, contract.dt_ns, targets, 0)


def test_errors_are_those_at_each_chunks_end_and_grippers_do_not_count():
    contract = pose_contract()
    score = ShadowScore(contract)
    assert (score.position, score.rotation, score.summary()) == (None, None, "no chunk has ended")
    last_ns = (contract.horizon - 1) * contract.dt_ns
    for index, (offset, angle) in enumerate([(0.01, 0.1), (0.03, 0.3)]):
        stamp = index * 10**9
        end = np.array([0.1, 0.2, 0.3, *quaternion(np.array([0.0, 0.0, 0.5])), 1.0])
        score.add(chunk(contract, stamp, end))
        stand = np.array([0.1, 0.2, 0.3 + offset, *quaternion(np.array([0.0, 0.0, 0.5 + angle])), 0.0])
        score.observe(stamp + last_ns - 1, POSE_AT_REST)  # not over yet
        score.observe(stamp + last_ns + 1, stand)
        score.observe(stamp + last_ns + 2, POSE_AT_REST)  # the chunk has had its state
    assert score.chunks == 2
    assert (score.position.mean, score.position.greatest) == pytest.approx((0.02, 0.03))
    assert (score.rotation.mean, score.rotation.greatest) == pytest.approx((0.2, 0.3))
    assert score.summary().startswith("2 chunk ends: position error mean 0.0200")


def test_a_chunk_whose_end_nobody_measured_does_not_count():
    contract = joint_contract()
    score = ShadowScore(contract)
    score.add(chunk(contract, 0, np.zeros(2)))
    score.observe(10**9, np.ones(2))
    assert score.chunks == 0
