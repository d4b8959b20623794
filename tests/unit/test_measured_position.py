"""Where a motion begins: the arm where it is measured, the gripper where it was told to be."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.command_world import World
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


@pytest.mark.parametrize("set_back", [False, True])
def test_in_a_world_that_is_set_back_a_gripper_begins_where_it_is_measured(set_back: bool) -> None:
    contract = joint_contract(2, gripper=True)
    *joints, gripper = contract.action.entries
    slow = gripper.model_copy(update={"max_velocity": 1.5, "max_acceleration": 6.0, "max_jerk": 120.0})
    action = contract.action.model_copy(update={"entries": (*joints, slow)})
    world = World(with_measured_gripper(contract.model_copy(update={"action": action})))
    world.stand = np.array([0.3, -0.3, 0.0])
    for _ in range(200):
        world.step([0.3, -0.3, 0.9])
    world.silence_after(alive=False)
    if set_back:
        world.stream.forget_commands()
    world.stand = np.array([-0.4, 0.2, 0.1])
    assert world.measured
    world.measured.forget()
    world.step()
    first = world.step([-0.4, 0.2, 0.5])
    assert first is not None
    assert first.command == pytest.approx([-0.4, 0.2, 0.1 if set_back else 0.9], abs=0.05)
