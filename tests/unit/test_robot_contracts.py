"""The contracts for a real arm that are shipped in config/robot fit the nodes that would run under them."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import yaml
from helpers.motion import joint_contract, rate_contract
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.anchor import MeasuredPose, absolute
from sdm_core.commands.arm_limits import ArmLimits
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.command_space import require_motion_limits
from sdm_core.commands.home_motion import HomeMotion, home_command
from sdm_core.contract import Contract
from sdm_core.errors import ContractError
from sdm_core.share import share_directory
from sdm_policy_node.parameters import CommandParameters, PolicyParameters
from sdm_policy_node.sinks.joint_command import JointCommand
from sdm_sim.franka.contract import franka_contract
from sdm_sim.franka.fr3 import JOINTS, LINKS, READY

ROBOT = share_directory("sdm_bringup") / "config" / "robot"
# libfranka's limits of the FR3: m/s, m/s², m/s³, then rad/s, rad/s², rad/s³.
TRANSLATION, ROTATION = (3.0, 9.0, 4500.0), (2.5, 17.0, 8500.0)
# Over the table, pointing down.
STAND = np.array([0.4, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0])


def test_the_fr3_s_contract_and_parameters_make_a_pipeline_that_moves_gently() -> None:
    contract = Contract.load(ROBOT / "fr3_contract.yaml")
    parameters = yaml.safe_load((ROBOT / "fr3.yaml").read_text())["/**"]["ros__parameters"]
    bounded = absolute(contract, parameters["workspace_low"], parameters["workspace_high"])
    period_ns = round(1e9 / parameters["rate_hz"])
    pipeline = CommandPipeline(bounded, period_ns=period_ns, max_age_ns=round(parameters["max_age_s"] * 1e9))
    start = MeasuredPose(contract).of(STAND)
    pipeline.reset(start)
    target = np.array([0.5, 0.1, 0.2, 1.0, 0.0, 0.0, 0.0, 1.0])
    pipeline.add(ActionChunk(0, contract.dt_ns, np.tile(target, (contract.horizon, 1)), 0))
    decisions = [pipeline.tick(tick * period_ns) for tick in range(20)]
    assert not any(decision.held for decision in decisions)
    last = decisions[-1].command
    assert last is not None
    assert start[0] < last[0] < target[0]
    assert last[7] == 1.0


def test_the_fr3_s_limits_lie_well_inside_the_arm_s_own() -> None:
    action = Contract.load(ROBOT / "fr3_contract.yaml").action
    require_motion_limits(action)
    for entry in action.entries[:7]:
        allowed = TRANSLATION if entry.unit == "m" else ROTATION
        assert entry.max_velocity <= 0.5 * allowed[0]  # type: ignore[operator]
        assert entry.max_acceleration <= 0.5 * allowed[1]  # type: ignore[operator]
        assert entry.max_jerk <= 0.5 * allowed[2]  # type: ignore[operator]


def test_the_contract_of_joints_moves_under_the_fr3_s_limits_once_the_box_is_gone() -> None:
    contract = Contract.load(ROBOT / "fr3_joints_contract.yaml")
    parameters = yaml.safe_load((ROBOT / "fr3.yaml").read_text())["/**"]["ros__parameters"]
    require_motion_limits(contract.action)
    arm_of(parameters).require(contract.action, parameters["arm_share"])
    with pytest.raises(ContractError, match="not 'joint_position'; take workspace_low and workspace_high out"):
        absolute(contract, parameters["workspace_low"], parameters["workspace_high"])
    bounded = absolute(contract, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    pipeline = CommandPipeline(bounded, period_ns=20_000_000, max_age_ns=300_000_000)
    start = MeasuredPose(contract).of(np.array([*READY, 0.4, 0.0, 0.3]))
    pipeline.reset(start)
    target = np.array([*READY[:6], READY[6] + 0.2, 1.0])
    pipeline.add(ActionChunk(0, contract.dt_ns, np.tile(target, (contract.horizon, 1)), 0))
    decisions = [pipeline.tick(tick * 20_000_000) for tick in range(10)]
    assert not any(decision.held for decision in decisions)
    last = decisions[-1].command
    assert last is not None
    assert start[6] < last[6] < target[6]
    assert home_command(bounded, READY)[:7] == pytest.approx(READY)


def test_the_contract_of_joints_names_the_fr3_s_within_their_ranges() -> None:
    contract = Contract.load(ROBOT / "fr3_joints_contract.yaml")
    assert tuple(JointCommand(contract, "trajectory", "joint_position").names) == JOINTS == contract.state_names[:7]
    for entry, link in zip(contract.action.entries, LINKS, strict=False):
        assert link.lower < entry.low < entry.high < link.upper


def arm_of(parameters: dict) -> ArmLimits:
    names = ("translation", "rotation", "joint_velocity", "joint_acceleration", "joint_jerk")
    return ArmLimits(**{name: tuple(parameters[f"arm_{name}"]) for name in names})


@pytest.mark.parametrize("robot", ["fr3", "panda"])
def test_the_contract_to_begin_with_and_the_home_fit_each_robot_s_file(robot: str) -> None:
    contract = Contract.load(ROBOT / "fr3_contract.yaml")
    parameters = yaml.safe_load((ROBOT / f"{robot}.yaml").read_text())["/**"]["ros__parameters"]
    arm_of(parameters).require(contract.action, parameters["arm_share"])
    bounded = absolute(contract, parameters["workspace_low"], parameters["workspace_high"])
    home = home_command(bounded, parameters["home_pose"])
    seconds = (
        HomeMotion(bounded, MeasuredPose(contract).of(STAND), home, parameters["home_share"], 1).duration_ns * 1e-9
    )
    assert 1.0 < seconds < 20.0
    known = {field.name for field in fields(CommandParameters)} | {field.name for field in fields(PolicyParameters)}
    assert set(parameters) <= known  # a name that no node declares would be ignored without a word


def test_a_contract_that_asks_too_much_of_the_arm_is_refused() -> None:
    action = Contract.load(ROBOT / "fr3_contract.yaml").action
    # 0.25 m/s on each of three axes
    ArmLimits(translation=(0.87, 9.0, 4500.0)).require(action, 0.5)
    with pytest.raises(
        ContractError,
        match=r"action ee\.x, ee\.y, ee\.z: velocity 0\.433 exceeds 0\.5 of the 0\.86 that the arm allows",
    ):
        ArmLimits(translation=(0.86, 9.0, 4500.0)).require(action, 0.5)
    with pytest.raises(ContractError, match=r"action ee\.qx, ee\.qy, ee\.qz, ee\.qw: jerk 60 exceeds"):
        ArmLimits(rotation=(0.0, 0.0, 100.0)).require(action, 0.5)
    with pytest.raises(ContractError, match="arm_rotation has 2 values; give three: velocity, acceleration, jerk"):
        ArmLimits(rotation=(2.5, 17.0))
    joints = joint_contract(2).action
    ArmLimits(joint_velocity=(3.0, 3.0)).require(joints, 0.5)
    with pytest.raises(ContractError, match=r"action joint1: velocity 1\.5 exceeds"):
        ArmLimits(joint_velocity=(3.0, 2.0)).require(joints, 0.5)
    twist = rate_contract("twist", ("vx", "wz")).action
    with pytest.raises(ContractError, match=r"action wz: velocity 0\.5 exceeds"):
        ArmLimits(rotation=(0.8, 0.0, 0.0)).require(twist, 0.5)


def test_the_fr3_looks_again_before_its_observation_is_too_old() -> None:
    contract = Contract.load(ROBOT / "fr3_contract.yaml")
    parameters = yaml.safe_load((ROBOT / "fr3.yaml").read_text())["/**"]["ros__parameters"]
    assert parameters["replan_steps"] * contract.dt <= 0.5 * parameters["max_age_s"]
    assert contract.dt == pytest.approx(0.05)


def test_the_twin_s_contract_asks_for_no_more_of_the_arm_than_its_file_grants() -> None:
    parameters = yaml.safe_load((ROBOT / "fr3_twin.yaml").read_text())["/**"]["ros__parameters"]
    joints = yaml.safe_load((ROBOT / "fr3.yaml").read_text())["/**"]["ros__parameters"]
    limits = ArmLimits(
        parameters["arm_translation"],
        parameters["arm_rotation"],
        *(joints[f"arm_joint_{motion}"] for motion in ("velocity", "acceleration", "jerk")),
    )
    action = franka_contract("franka/pick-place", 0.24, 160, 120).action
    limits.require(action, parameters["arm_share"])
    with pytest.raises(ContractError, match="exceeds"):
        limits.require(action, 0.9 * parameters["arm_share"])
