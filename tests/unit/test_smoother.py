"""The smoother streams at the controller's rate: continuous, within limits, and without lag behind a moving target."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.motion import POSE_AT_REST, joint_contract, pose_contract
from sdm_core.commands.command_space import CommandSpace, quaternion
from sdm_core.commands.limit_excess import excess
from sdm_core.commands.smoother import Smoother

CONTRACT = joint_contract()
SPACE = CommandSpace(CONTRACT.action)
DT = CONTRACT.dt


def test_a_jump_becomes_a_motion_within_the_limits():
    smoother = Smoother(SPACE, DT)
    smoother.reset(np.zeros(2))
    target = np.array([0.7, -0.4])
    commands = [smoother.step(target) for _ in range(200)]
    assert all(value <= 1e-5 for value in excess(CONTRACT, np.zeros(2), commands, DT).values())
    assert commands[-1] == pytest.approx(target, abs=1e-9)


def test_a_target_that_moves_steadily_is_tracked_within_a_period():
    smoother = Smoother(SPACE, DT)
    smoother.reset(np.zeros(2))
    ramp = [np.array([0.3, -0.2]) * step * DT for step in range(150)]
    commands = [smoother.step(target) for target in ramp]
    assert np.all(np.abs(commands[-1] - ramp[-1]) <= np.array([0.3, 0.2]) * DT)


@pytest.mark.parametrize("seconds", [1.5, 4.0])
def test_a_target_within_the_limits_is_followed_exactly_where_it_slows_down_too(seconds):
    """From rest to rest with the least jerk: what falls behind there, or swings about it, goes back and rushes on."""
    share = np.clip(np.arange(1.2 * seconds / DT) * DT / seconds, 0, 1)
    targets = 0.6 * (10 * share**3 - 15 * share**4 + 6 * share**5)[:, None] * [1.0, -0.5]
    assert all(value <= 0 for value in excess(CONTRACT, np.zeros(2), list(targets), DT).values())
    smoother = Smoother(SPACE, DT)
    smoother.reset(np.zeros(2))
    np.testing.assert_allclose([smoother.step(target) for target in targets], targets, atol=1e-12)


@pytest.mark.parametrize("period", [0.001, 0.01, 0.05])
def test_after_a_jump_a_slow_target_is_met_without_swinging_about_it(period):
    targets = np.array([0.3, -0.2]) + np.outer(np.sin(0.5 * np.arange(3 / period) * period), [0.2, 0.3])
    smoother = Smoother(SPACE, period)
    smoother.reset(np.zeros(2))
    commands = np.array([smoother.step(target) for target in targets])
    assert all(value <= 1e-5 for value in excess(CONTRACT, np.zeros(2), list(commands), period).values())
    apart = (commands - targets)[round(1.5 / period) :]
    assert np.abs(apart).max() < 1e-3
    assert np.abs(np.diff(apart, axis=0)).max() / period < 1e-2


def test_a_slow_target_that_jumps_from_chunk_to_chunk_is_not_jolted_after():
    """Whoever came to it in one period, as fast as the limits allow, would pass it again and again: 18 mm off."""
    period, rng = 0.05, np.random.default_rng(0)
    jumps = np.repeat(rng.normal(0.0, 0.01, (100, 2)), 4, axis=0)
    targets = jumps + np.outer(np.sin(0.5 * np.arange(400) * period), [0.2, 0.3])
    smoother = Smoother(SPACE, period)
    smoother.reset(np.zeros(2))
    commands = np.array([smoother.step(target) for target in targets])
    assert np.sqrt(np.square(commands - targets).mean()) < 0.014


def test_an_axis_that_is_held_back_leaves_the_other_with_its_target():
    """As the gate does at a bound: what it changed, and what went as it was led, is told together."""
    smoother = Smoother(SPACE, DT)
    smoother.reset(np.zeros(2))
    targets = np.outer(0.3 * (1 - np.cos(np.arange(400) * DT)), [1.0, 1.0])
    before, velocity, acceleration = np.zeros(2), np.zeros(2), np.zeros(2)
    for target in targets:
        command = smoother.step(target)
        command = np.array([command[0], 0.0])
        acceleration = ((command - before) / DT - velocity) / DT
        before, velocity = command, (command - before) / DT
        smoother.correct(command, velocity, acceleration)
        assert command[0] == pytest.approx(target[0], abs=1e-6)


def test_rotations_are_smoothed_too():
    contract = pose_contract()
    smoother = Smoother(CommandSpace(contract.action), contract.dt)
    smoother.reset(POSE_AT_REST)
    target = POSE_AT_REST.copy()
    target[3:7] = -quaternion(np.array([0.2, -0.1, 0.3]))
    commands = [smoother.step(target) for _ in range(200)]
    assert all(value <= 1e-5 for value in excess(contract, POSE_AT_REST, commands, contract.dt).values())
    assert abs(commands[-1][3:7] @ target[3:7]) == pytest.approx(1.0, abs=1e-9)


def test_entries_without_limits_pass_at_once():
    contract = pose_contract()
    smoother = Smoother(CommandSpace(contract.action), contract.dt)
    smoother.reset(POSE_AT_REST)
    target = POSE_AT_REST.copy()
    target[7] = 1.0
    assert smoother.step(target)[7] == 1.0


def test_it_goes_on_from_a_motion_that_something_else_took_over():
    smoother = Smoother(SPACE, DT)
    smoother.reset(np.zeros(2))
    speed = np.array([0.5, 0.0])
    smoother.resume(np.array([0.2, 0.0]), speed, np.zeros(2))
    first = smoother.step(np.array([0.9, 0.0]))
    assert first[0] == pytest.approx(0.2 + 0.5 * DT, abs=120 * DT**3)


def test_a_target_that_is_not_finite_reaches_the_gate():
    smoother = Smoother(SPACE, DT)
    smoother.reset(np.zeros(2))
    assert np.isnan(smoother.step(np.array([np.nan, 0.0]))[0])


def test_without_a_position_it_starts_at_the_first_target():
    smoother = Smoother(SPACE, DT)
    assert smoother.step(np.array([0.3, 0.1])) == pytest.approx([0.3, 0.1])


def test_it_does_not_back_off_to_take_a_run_up():
    smoother = Smoother(SPACE, DT)
    smoother.reset(np.zeros(2))
    commands = [smoother.step(np.array([1.2, -1.2]) * step * DT) for step in range(60)]
    assert np.all(np.diff([command[0] for command in commands]) >= 0)
    assert np.all(np.diff([command[1] for command in commands]) <= 0)
