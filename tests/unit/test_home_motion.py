"""The way home is straight and slow, and leaves a gripper alone."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.contracts import small_contract
from helpers.motion import joint_contract, pose_contract, rate_contract
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.command_space import quaternion
from sdm_core.commands.home_motion import HomeMotion, home_command, home_parameter
from sdm_core.commands.limit_excess import excess
from sdm_core.errors import ContractError

CONTRACT = pose_contract()
START = np.array([0.3, 0.2, 0.1, 0.0, 0.0, 0.0, 1.0, 1.0])
HOME = [0.0, 0.2, 0.3, *quaternion(np.array([0.0, 0.0, 1.0]))]


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_home_is_reached_within_its_share_of_the_limits(share):
    home = home_command(CONTRACT, HOME)
    motion = HomeMotion(CONTRACT, START, home, share, CONTRACT.dt_ns)
    pipeline = CommandPipeline(CONTRACT)
    pipeline.reset(START)
    commands, now = [], 0
    last = START
    while not motion.over(last):
        pipeline.add(motion.chunk(now))
        motion.go_on()
        last = pipeline.tick(now).command
        assert last is not None
        commands.append(last)
        now += CONTRACT.dt_ns
    assert now <= motion.duration_ns + 0.3e9
    assert last[:7] == pytest.approx(HOME, abs=1e-6)
    assert last[7] == 1.0  # the gripper as it was
    over = excess(CONTRACT, START, commands, CONTRACT.dt)
    assert over["velocity"] <= share - 1 + 0.02
    path = np.array(commands)[:, :3] - START[:3]
    line = np.array([-0.3, 0.0, 0.2])
    assert np.linalg.norm(np.cross(path, line / np.linalg.norm(line)), axis=1).max() < 0.01


def test_at_home_already_there_is_nothing_to_do():
    motion = HomeMotion(CONTRACT, START, home_command(CONTRACT, START[:7].tolist()), 0.2, CONTRACT.dt_ns)
    assert motion.duration_ns == 0
    assert motion.over(START)


def test_a_home_that_cannot_be_is_refused():
    with pytest.raises(ContractError, match=r"home_pose has 3 values, the 'ee_pose' action 7: ee\.x, ee\.y"):
        home_command(CONTRACT, [0.0, 0.0, 0.0])
    with pytest.raises(ContractError, match=r"home_joints: joint1 = 2\.0 is outside \[-1\.0, 1\.0\]"):
        home_command(joint_contract(2), [0.0, 2.0])
    with pytest.raises(ContractError, match="only poses and joint positions have one"):
        home_command(small_contract(), [0.0, 0.0])


def test_poses_and_joints_whose_numbers_may_be_the_same_have_a_parameter_each():
    kinds = [joint_contract(7), pose_contract("ee_delta"), rate_contract(), small_contract()]
    assert [home_parameter(contract.action) for contract in kinds] == ["home_joints", "home_pose", "", ""]


def test_a_home_s_quaternion_is_normalised_where_it_was_rounded_and_else_refused():
    rounded = [0.0, 0.2, 0.3, 0.71, 0.0, 0.0, 0.71]
    assert np.linalg.norm(home_command(CONTRACT, rounded)[3:7]) == pytest.approx(1.0)
    for quaternion_xyzw, norm in (([0.0] * 4, "0"), ([0.0, 0.0, 0.0, 0.9], "0.9"), ([0.5, 0.5, 0.5, np.nan], "nan")):
        with pytest.raises(
            ContractError, match=rf"home_pose has the quaternion .* of norm {norm}; give x, y, z, w of norm 1"
        ):
            home_command(CONTRACT, [0.0, 0.2, 0.3, *quaternion_xyzw])


def test_a_way_is_planned_once_a_control_period_and_what_is_ahead_is_what_will_be():
    contract = joint_contract(2)  # 100 Hz
    motion, later = (HomeMotion(contract, np.zeros(2), np.ones(2), 0.5, 2_000_000) for _ in range(2))
    steps = []
    for _ in range(20):
        steps.append(motion.step)
        motion.go_on()
    assert steps == [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5
    later.go_on(20)
    begin = HomeMotion(contract, np.zeros(2), np.ones(2), 0.5, 2_000_000)
    assert begin.chunk(0, ahead=20).targets.tolist() == later.chunk(0).targets.tolist()
    assert begin.chunk(0).targets[0].tolist() == [0.0, 0.0] != later.chunk(0).targets[0].tolist()
