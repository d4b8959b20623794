"""A pose's rotation is watched as its place is: what follows, stays, leaps or hangs in turning alone."""

# pyright: reportOptionalSubscript=false, reportOptionalMemberAccess=false

from __future__ import annotations

import numpy as np
import pytest
from helpers.command_world import World
from helpers.motion import pose_contract
from sdm_core.commands.command_space import quaternion, rotation_vector
from sdm_core.errors import CommandError, ObservationError
from sdm_policy_node.commands.measured_position import MeasuredPosition

POSE = pose_contract().model_copy(update={"horizon": 100})
PLACE = [0.3, -0.3, 0.0]


def turned(angle: float) -> np.ndarray:
    """The command that turns the tool to `angle` about z (rad) where it stands."""
    return np.array([*PLACE, *quaternion(np.array([0.0, 0.0, angle])), 0.0])


def angle_of(pose: np.ndarray | None) -> float:
    return float(rotation_vector(pose[3:7])[2])


def lead_away(world: World, angle: float, seconds: float, *, lag: float = np.inf) -> float:
    """A policy turns the tool to `angle`; the robot stays `lag` rad behind, or stands. When a fault was latched (s), or
    infinite."""
    for period in range(round(seconds * 100)):
        decision = world.step(turned(angle), follows=False)
        if world.interlock.fault:
            return period / 100
        world.stand = turned(max(0.0, angle_of(decision.command) - lag))[:7]
    return np.inf


def test_a_tool_that_does_not_turn_with_its_command_is_a_fault_until_it_is_cleared():
    world = World(POSE, tracking_error=0.05, tracking_turn=0.5)
    assert lead_away(world, 0.45, 3.0) == np.inf
    assert lead_away(world, 0.6, 3.0) < 3.0
    assert "the robot stands 0.50" in world.interlock.fault
    assert "rad from its command, more than 0.5; it does not follow" in world.interlock.fault
    with pytest.raises(CommandError, match="call ~/reset_fault"):
        world.step(turned(0.6))
    assert lead_away(World(POSE, tracking_error=0.05), 0.6, 3.0) == np.inf  # 0: it may stand turned as far as it will


@pytest.mark.parametrize(("turn", "begins_at_command"), [(0.05, True), (0.2, False)])
def test_after_a_stop_a_tool_that_is_still_turned_as_it_was_told_is_given_no_step(turn, begins_at_command):
    world = World(POSE)
    for _ in range(20):
        world.step(turned(0.6))
    last = angle_of(world.silence_after()[-1].command)
    for share in np.linspace(0.0, 1.0, 5):
        world.stand = turned(last - share * turn)[:7]
        world.step()
    begun = last if begins_at_command else last - turn
    assert angle_of(world.step(turned(0.6)).command) == pytest.approx(begun, abs=1e-3)


def test_the_first_motion_shows_whether_the_tool_turns_while_it_is_told_to_stay():
    world = World(POSE, first_hold_s=0.3)
    world.step(turned(0.6), follows=False)
    for degrees in range(1, 20):
        world.stand = turned(np.radians(degrees))[:7]
        if world.step(follows=False) is None:
            break
    assert "the robot moved 0.000 m or rad and 0.105 rad while it was told to stay" in world.interlock.fault


@pytest.mark.parametrize(("angle", "blocked"), [(0.3, True), (0.05, False)])
def test_a_tool_that_is_held_while_it_is_led_to_turn_is_a_fault(angle, blocked):
    world = World(POSE, tracking_turn=0.5, blocked_s=1.0)
    assert lead_away(world, angle, 3.0) == (pytest.approx(1.2, abs=0.2) if blocked else np.inf)
    assert blocked == ("the robot has stood for 1 s, up to 0.000 m or rad and 0.3" in world.interlock.fault)


def test_a_tool_that_turns_behind_its_command_is_not_blocked():
    world = World(POSE, blocked_s=1.0)
    assert lead_away(world, 1.5, 3.0, lag=0.1) == np.inf
    assert angle_of(world.stand) > 1.2


def test_a_tool_that_would_have_turned_too_fast_is_not_believed():
    measured = MeasuredPosition(POSE, 0.2, max_speed=5.0)
    measured.observe(10**9, turned(0.0)[:7], 1.0)
    with pytest.raises(ObservationError, match=r"would have moved at 20\.0 .*check the driver"):
        measured.observe(10**9 + 10_000_000, turned(0.2)[:7], 1.01)
    assert measured.newest == pytest.approx(turned(0.0))
    measured.observe(10**9 + 50_000_000, turned(0.2)[:7], 1.05)
    assert measured.newest == pytest.approx(turned(0.2))
