"""Whatever comes in, what goes out is within bounds and motion limits, and every change is counted."""

# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers.contracts import small_contract
from helpers.motion import POSE_AT_REST, joint_contract, pose_contract, rate_contract
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sdm_core.commands.braking import AxisLimits, brake, stop
from sdm_core.commands.command_gate import CommandGate
from sdm_core.commands.command_space import CommandSpace
from sdm_core.commands.limit_excess import excess
from sdm_core.contract import ActionEntry, Contract
from sdm_core.errors import CommandError

MAX_AGE_NS = 200_000_000
WITHIN = 1e-5  # shares of a limit: rounding of third differences


def gate_of(contract: Contract, period: float | None = None) -> CommandGate:
    return CommandGate(contract.action, period or contract.dt, MAX_AGE_NS)


# --- native commands


@given(arrays(np.float64, 3, elements=st.floats(-1, 1)))
def test_a_native_command_in_bounds_passes_bit_for_bit(command):
    decision = gate_of(small_contract()).check(command, 0)
    assert decision.command.tobytes() == command.tobytes()
    assert decision.interventions == ()
    assert not decision.held


def test_a_native_command_out_of_bounds_is_clipped_and_counted():
    gate = gate_of(small_contract())
    decision = gate.check(np.array([3.0, -0.5, -1.5]), 0)
    assert decision.command.tolist() == [1.0, -0.5, -1.0]
    assert decision.interventions == ("bounds",)
    assert gate.counts == {"bounds": 1}


@pytest.mark.parametrize(
    ("command", "age_ns", "reason"),
    [
        (None, None, "no_target"),
        (np.array([np.nan, 0.0, 0.0]), 0, "not_finite"),
        (np.array([0.0, np.inf, 0.0]), 0, "not_finite"),
        (np.zeros(3), MAX_AGE_NS + 1, "age"),
        (np.zeros(2), 0, "wrong_size"),
    ],
)
def test_an_unusable_native_command_becomes_the_hold_and_the_gripper_keeps_its_grip(command, age_ns, reason):
    gate = gate_of(small_contract())
    gate.check(np.array([0.5, 0.5, 0.75]), 0)
    decision = gate.check(command, age_ns)
    assert decision.command.tolist() == [0.0, 0.0, 0.75]
    assert decision.interventions == (reason,)
    assert decision.held
    assert gate.counts == {reason: 1}


def test_the_hold_before_any_command_is_at_rest():
    decision = gate_of(small_contract()).check(None, None)
    assert decision.command.tolist() == [0.0, 0.0, 0.0]


def test_the_greatest_allowed_age_still_passes():
    assert not gate_of(small_contract()).check(np.zeros(3), MAX_AGE_NS).held


def test_what_the_caller_does_to_a_command_leaves_the_held_grip_alone():
    gate = gate_of(small_contract())
    command = np.array([0.0, 0.0, 0.75])
    gate.check(command, 0)
    command[:] = -1
    assert gate.check(None, None).command[2] == 0.75


def test_reset_forgets_the_grip_but_not_the_counts():
    gate = gate_of(small_contract())
    gate.check(np.array([0.0, 0.0, 5.0]), 0)
    gate.reset()
    assert gate.check(None, None).command[2] == 0
    assert gate.counts == {"bounds": 1, "no_target": 1}


# --- poses and joint positions

anything = st.one_of(
    st.floats(-1.5, 1.5),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([-1.0, 1.0, 0.0, 1e300, -1e300]),
)


def streams(width: int) -> st.SearchStrategy:
    """Runs of commands, repeated for some periods each, with ages on either side of the limit; None among them."""
    command = st.one_of(st.none(), arrays(np.float64, width, elements=anything))
    return st.lists(
        st.tuples(command, st.integers(1, 40), st.sampled_from([0, MAX_AGE_NS + 1])), min_size=1, max_size=8
    )


@settings(max_examples=100)
@given(stream=streams(2), period=st.sampled_from([0.002, 0.01, 0.05]))
def test_no_stream_of_joint_commands_makes_the_gate_break_a_limit(stream, period):
    contract = joint_contract()
    gate = gate_of(contract, period)
    start = np.zeros(2)
    gate.reset(start)
    out = [
        gate.check(command, None if command is None else age).command
        for command, repeats, age in stream
        for _ in range(repeats)
    ]
    assert all(value <= WITHIN for value in excess(contract, start, out, period).values())


@given(stream=streams(8))
def test_no_stream_of_poses_makes_the_gate_break_a_limit(stream):
    contract = pose_contract()
    gate = gate_of(contract)
    gate.reset(POSE_AT_REST)
    out = [
        gate.check(command, None if command is None else age).command
        for command, repeats, age in stream
        for _ in range(repeats)
    ]
    assert all(value <= WITHIN for value in excess(contract, POSE_AT_REST, out, contract.dt).values())
    assert all(np.linalg.norm(command[3:7]) == pytest.approx(1.0, abs=1e-9) for command in out)


@given(stream=streams(2), period=st.sampled_from([0.002, 0.01, 0.05]))
def test_no_stream_of_rates_makes_the_gate_break_a_limit_and_every_hold_ends_at_zero(stream, period):
    contract = rate_contract()
    gate = gate_of(contract, period)
    out = [
        gate.check(command, None if command is None else age).command
        for command, repeats, age in stream
        for _ in range(repeats)
    ]
    for _ in range(round(1.0 / period)):
        out.append(gate.hold("test").command)
    assert gate.at_rest
    assert out[-1].tolist() == [0.0, 0.0]
    assert all(value <= WITHIN for value in excess(contract, np.zeros(2), out, period).values())


def test_a_rate_is_brought_to_zero_without_swinging_over():
    gate = gate_of(rate_contract())
    up = [gate.check(np.array([0.5, -0.3]), 0).command for _ in range(100)]
    assert up[-1] == pytest.approx([0.5, -0.3])
    assert not gate.at_rest
    down = [gate.hold("test").command for _ in range(60)]
    assert all(command[0] >= 0 >= command[1] for command in down)
    assert gate.at_rest


def test_a_stream_within_the_limits_passes_unchanged():
    contract = joint_contract(1)
    gate = gate_of(contract)
    gate.reset(np.zeros(1))
    share = np.linspace(0, 1, 200)
    minimum_jerk = 0.5 * (10 * share**3 - 15 * share**4 + 6 * share**5)
    for value in minimum_jerk:
        decision = gate.check(np.array([value]), 0)
        assert decision.interventions == ()
        assert decision.command[0] == value


def test_a_jump_is_followed_within_the_limits_until_it_is_reached():
    contract = joint_contract()
    gate = gate_of(contract)
    gate.reset(np.zeros(2))
    target = np.array([0.8, -0.3])
    commands = [gate.check(target, 0).command for _ in range(200)]
    assert commands[-1] == pytest.approx(target, abs=1e-4)
    assert max(command[0] for command in commands) <= 0.8 + 1e-9  # it does not swing over
    assert gate.counts["jerk"] > 0


def test_a_hold_brakes_within_the_limits_and_then_stands_still():
    contract = joint_contract()
    gate = gate_of(contract)
    gate.reset(np.zeros(2))
    moving = [gate.check(np.array([1.0, 1.0]), 0).command for _ in range(30)]
    stopping = [gate.check(None, None).command for _ in range(100)]
    assert all(value <= WITHIN for value in excess(contract, np.zeros(2), moving + stopping, contract.dt).values())
    assert stopping[-1] == pytest.approx(stopping[-2], abs=1e-12)
    assert stopping[-1][0] > moving[-1][0]


def test_a_target_beyond_the_bound_stops_at_the_bound():
    contract = joint_contract(1)
    gate = gate_of(contract)
    gate.reset(np.zeros(1))
    commands = [gate.check(np.array([7.0]), 0).command[0] for _ in range(300)]
    assert max(commands) <= 1.0
    assert commands[-1] == pytest.approx(1.0, abs=1e-4)
    assert gate.counts["bounds"] == 300


def test_nothing_moves_before_the_robots_position_is_known():
    gate = gate_of(joint_contract())
    decision = gate.check(np.zeros(2), 0)
    assert decision.command is None
    assert decision.held
    assert decision.interventions == ("no_start",)


def test_a_robot_that_stands_outside_the_bounds_is_refused():
    with pytest.raises(CommandError, match=r"joint1 = 1\.2000 rad is outside \[-1.0, 1.0\]"):
        gate_of(joint_contract()).reset(np.array([0.0, 1.2]))
    with pytest.raises(CommandError, match=r"joint0 = -1\.2000 rad is outside \[-1.0, 1.0\]"):
        gate_of(joint_contract()).reset(np.array([-1.2, 0.0]))
    with pytest.raises(CommandError, match="joint0 = nan"):
        gate_of(joint_contract()).reset(np.array([np.nan, 0.0]))


def test_a_start_needs_a_quaternion_with_a_direction_and_normalises_it():
    gate = gate_of(pose_contract())
    for part in (0.0, np.nan):
        with pytest.raises(CommandError, match=r"the robot's ee\.qx = (0\.0|nan) is not finite or"):
            gate.reset(np.array([0.0, 0.0, 0.0, part, part, part, part, 0.0]))
    gate.reset(POSE_AT_REST * 1.0000001)
    assert gate.motion[0].tolist() == POSE_AT_REST.tolist()


def test_a_rotation_has_no_bounds_entry_by_entry():
    gate = gate_of(pose_contract())
    gate.reset(POSE_AT_REST)
    decision = gate.check(np.array([0, 0, 0, 0, 0, 0, 5.0, 0]), 0)
    assert decision.interventions == ()
    assert decision.command.tolist() == POSE_AT_REST.tolist()


def test_a_quaternion_without_direction_is_refused():
    gate = gate_of(pose_contract())
    gate.reset(POSE_AT_REST)
    decision = gate.check(np.zeros(8), 0)
    assert decision.held
    assert decision.interventions == ("not_finite",)


def test_entries_without_motion_limits_jump():
    gate = gate_of(pose_contract())
    gate.reset(POSE_AT_REST)
    closed = POSE_AT_REST.copy()
    closed[7] = 1.0
    decision = gate.check(closed, 0)
    assert decision.command[7] == 1.0
    assert decision.interventions == ()


def test_relative_actions_are_refused():
    with pytest.raises(CommandError, match="absolute"):
        gate_of(pose_contract("ee_delta"))


def test_the_rotation_needs_its_four_entries():
    action = pose_contract().action.model_copy(update={"entries": (ActionEntry(name="x", unit="m", low=0, high=1),)})
    with pytest.raises(CommandError, match="qx, qy, qz, qw"):
        CommandSpace(action)


# --- stopping

speeds = st.floats(-2, 2)


@given(
    velocity=speeds,
    acceleration=st.floats(-6, 6),
    dt=st.sampled_from([0.001, 0.01, 0.05]),
    jerk=st.sampled_from([30.0, 120.0, 5000.0]),
)
def test_a_stop_ends_at_rest_within_acceleration_and_jerk(velocity, acceleration, dt, jerk):
    limits = AxisLimits(math.inf, 6.0, jerk, dt)
    before, position = acceleration, 0.0
    path = stop(velocity, acceleration, limits)
    for _ in range(5000):
        after = brake(velocity, before, limits)
        assert abs(after) <= 6.0 + 1e-9
        assert abs(after - before) <= jerk * dt * (1 + 1e-9)
        velocity += after * dt
        position += velocity * dt
        before = after
    assert velocity == pytest.approx(0, abs=1e-9)
    assert position == pytest.approx(path.end, abs=1e-6)
    assert path.low <= path.end <= path.high


def test_a_stop_from_steady_speed_does_not_swing_back():
    path = stop(1.0, 0.0, AxisLimits(2.0, 6.0, 120.0, 0.01))
    assert path.low == 0.0
    assert path.end == path.high


def test_without_acceleration_limits_a_stop_takes_one_period():
    limits = AxisLimits(math.inf, math.inf, math.inf, 0.01)
    assert brake(1.0, 0.0, limits) == pytest.approx(-100.0)
    assert stop(1.0, 0.0, limits).end == 0.0
