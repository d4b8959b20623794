"""Where a motion begins: the arm where it is measured, the gripper where it was told to be."""

from __future__ import annotations

import numpy as np
from helpers.motion import joint_contract, with_measured_gripper
from sdm_policy_node.commands.measured_position import MeasuredPosition

NOW_NS = 10**12


def test_a_gripper_that_stopped_at_what_it_holds_is_told_again_what_it_was_told() -> None:
    measured = MeasuredPosition(with_measured_gripper(joint_contract(2, gripper=True)), 0.2, max_speed=10.0)
    measured.observe(NOW_NS, np.array([0.5, 0.1, 0.4]), 50.0)
    assert measured.at(NOW_NS, None).tolist() == [0.5, 0.1, 0.4]
    assert measured.at(NOW_NS, np.array([0.3, 0.0, 1.0])).tolist() == [0.5, 0.1, 1.0]
    assert measured.newest is not None
    assert measured.newest.tolist() == [0.5, 0.1, 0.4]
