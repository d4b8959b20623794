"""What command_node does when, on a clock of the test's own."""

# pyright: reportOptionalSubscript=false, reportOptionalMemberAccess=false, reportOptionalOperand=false

from __future__ import annotations

import numpy as np
import pytest
from helpers.command_world import HOLD_S, World
from helpers.contracts import small_contract
from helpers.motion import joint_contract, pose_contract, rate_contract
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_gate import GateDecision
from sdm_core.commands.limit_excess import excess
from sdm_core.contract import ActionEntry, Contract, StateEntry
from sdm_core.errors import CommandError, ObservationError
from sdm_policy_node.commands.measured_position import MeasuredPosition

JOINTS = joint_contract(2)
LONG = JOINTS.model_copy(update={"horizon": 100})


def test_it_begins_at_the_measured_position_and_follows():
    world = World(JOINTS)
    first = world.step([0.5, 0.0])
    assert first.command == pytest.approx([0.3, -0.3], abs=1e-3)
    assert world.stream.activity == "following"
    for _ in range(60):
        last = world.step([0.5, 0.0])
    assert last.command == pytest.approx([0.5, 0.0], abs=1e-6)


@pytest.mark.parametrize(
    ("circumstances", "reason"),
    [({"alive": False}, "heartbeat_lost"), ({"speaks": False}, "state_lost"), ({}, "chunks")],
)
def test_a_stop_brakes_and_stands_for_a_while_before_the_silence(circumstances, reason):
    world = World(JOINTS.model_copy(update={"horizon": 100}))
    start = world.stand
    commands = [world.step([0.9, 0.3]).command for _ in range(25)]
    stop = world.silence_after(**circumstances)
    assert any(reason in name for decision in stop for name in decision.interventions)
    commands += [decision.command for decision in stop]
    assert all(value <= 1e-5 for value in excess(JOINTS, start, commands, 0.01).values())
    standing = [decision for decision in stop if (decision.command == stop[-1].command).all()]
    assert len(standing) * 0.01 >= HOLD_S
    assert world.stream.activity == "resting"


def test_joint_velocities_stand_at_zero_before_the_silence():
    world = World(rate_contract().model_copy(update={"horizon": 100}))
    for _ in range(50):
        world.step([0.4, -0.2])
    stop = world.silence_after(alive=False)
    zeros = [decision for decision in stop if not decision.command.any()]
    assert len(zeros) * 0.01 >= HOLD_S
    assert stop[-1] in zeros


def test_a_pause_outlasts_the_stop_and_motion_begins_anew_where_the_robot_was_led():
    world = World(JOINTS)
    for _ in range(20):
        world.step([0.9, 0.3])
    world.stream.pause()
    world.silence_after()
    assert world.stream.activity == "paused"
    with pytest.raises(CommandError, match="paused; call ~/resume"):
        world.step([0.9, 0.3])
    led_from, led_to = world.stand, np.array([-0.6, 0.9])
    for share in np.linspace(0.0, 1.0, 50):
        world.stand = led_from + share * (led_to - led_from)
        world.step()
    world.interlock.paused = False
    first = world.step([0.9, 0.3])
    assert first.command == pytest.approx(led_to, abs=1e-3)
    assert first.interventions == ()


@pytest.mark.parametrize(("sag", "begins_at_command"), [(0.015, True), (0.05, False)])
def test_after_a_stop_a_robot_that_still_holds_its_last_command_is_given_no_step(sag, begins_at_command):
    world = World(JOINTS)
    for _ in range(20):
        world.step([0.9, 0.3])
    last = world.silence_after()[-1].command
    world.stand = last - [sag, 0.0]
    begun = last if begins_at_command else world.stand
    assert world.step([0.9, 0.3]).command == pytest.approx(begun, abs=1e-3)


def test_a_robot_that_does_not_follow_is_a_fault_until_it_is_cleared():
    world = World(JOINTS, tracking_error=0.05)
    for _ in range(100):
        decision = world.step([0.9, 0.3] if not world.interlock.fault else None, follows=False)
        if decision is None:
            break
    assert "from its command, more than 0.05; it does not follow, and may still push: " in world.interlock.fault
    assert world.stream.activity == "faulted"
    with pytest.raises(CommandError, match="call ~/reset_fault"):
        world.step([0.9, 0.3])
    world.interlock.fault = ""
    assert world.step([0.9, 0.3]).command == pytest.approx([0.3, -0.3], abs=1e-3)


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_robot_that_is_silent_is_judged_when_it_speaks_again(comes_back):
    """A stop goes on for farther than `tracking_error` from where the robot was seen last."""
    world = World(LONG, tracking_error=0.3)
    for _ in range(25):
        world.step([0.9, 0.3])
    seen = world.stand
    for _ in range(35):
        world.step(speaks=False)
    assert np.abs(world.stand - seen).max() > 0.32
    assert not world.interlock.fault
    if not comes_back:
        world.stand = seen
    world.step()
    assert bool(world.interlock.fault) == (not comes_back)


def led(world: World, seconds: float, lead: float, replan_periods: int, *, follows: bool = False) -> float:
    """A policy at `lead` rad/s plans anew from the measured place every few periods; the robot stands, or follows. When
    a fault was latched (s), or infinite."""
    for period in range(round(seconds * 100)):
        target = None
        if period % replan_periods == 0:
            ahead = lead * world.contract.dt_ns * 1e-9 * np.arange(1, world.contract.horizon + 1)
            target = world.stand + np.outer(ahead, [1.0, 0.0])
        world.step(target, follows=follows)
        if world.interlock.fault:
            return period / 100
    return np.inf


@pytest.mark.parametrize(("lead", "replan_periods"), [(0.1, 10), (0.3, 20), (1.0, 4)])
def test_a_robot_that_is_held_while_its_policy_plans_anew_from_there_is_a_fault(lead, replan_periods):
    world = World(LONG, tracking_error=0.5, blocked_s=2.0)
    for _ in range(20):
        world.step([0.4, -0.3])
    assert 2.0 <= led(world, 5.0, lead, replan_periods) < 2.5
    assert "the robot has stood for 2 s, up to 0.0" in world.interlock.fault
    assert "it is stopped or blocked, and may still push: stop it by its own means" in world.interlock.fault
    assert world.silence_after()[-1].held
    assert led(World(LONG), 5.0, lead, replan_periods) == np.inf  # 0: it may stand for ever


def test_a_robot_that_moves_slowly_or_a_policy_that_rests_is_not_blocked():
    rests, slow, starts = (World(LONG, blocked_s=2.0) for _ in range(3))
    assert led(rests, 5.0, 0.02, 10) == np.inf
    assert led(slow, 5.0, 0.03, 10, follows=True) == np.inf
    assert led(starts, 5.0, 0.0, 10) == np.inf
    assert led(starts, 1.5, 0.5, 10) == np.inf  # a rest does not count towards what follows it
    assert led(starts, 3.0, 0.5, 10, follows=True) == np.inf


@pytest.mark.parametrize("moves", [True, False])
def test_a_robot_that_is_silent_for_more_than_a_second_is_paused(moves):
    short, long, flickering, unheard = World(LONG), World(LONG), World(LONG), World(LONG)
    for world in (short, long, flickering):
        for _ in range(20):
            world.step([0.9, 0.3] if moves else None)
    for world, periods in ((short, 110), (long, 130), (flickering, 150), (unheard, 300)):
        for period in range(periods):
            world.step(speaks=world is flickering and period == 80)
        world.step()
    for world in (short, unheard):
        assert world.step([0.9, 0.3]) is not None
    for world in (long, flickering):
        assert world.stream.activity == "paused"
        with pytest.raises(CommandError, match="paused; call ~/resume"):
            world.step([0.9, 0.3])
        with pytest.raises(CommandError, match=r"the robot has been silent, and is not back: its last state came 0\.0"):
            world.stream.resume(world.now)  # one state is no robot that is back
        for _ in range(50):
            assert world.step() is None
        assert world.stream.resume(world.now) == "where the robot is measured to stand"
        assert world.step([0.9, 0.3]) is not None
    for _ in range(50):
        short.step([0.9, 0.3])  # it has come back to stay: a second begins anew
    for _ in range(110):
        short.step(speaks=False)
    assert not short.interlock.paused


def test_a_pause_is_lifted_by_a_human_unless_the_robot_is_silent():
    world, rates = World(LONG), World(rate_contract())
    for each, place in ((world, "where the robot is measured to stand"), (rates, "at rest")):
        each.step()
        each.stream.pause()
        assert each.stream.resume(each.now) == place
        assert not each.interlock.paused
    world.stream.pause()
    for _ in range(110):
        world.step(speaks=False)
    world.stream.resume(world.now)  # so short a silence may be a busy machine's
    world.stream.pause()
    for _ in range(20):
        world.step(speaks=False)
    with pytest.raises(CommandError, match=r"its last state came 1\.3 s ago"):
        world.stream.resume(world.now)
    assert world.interlock.paused
    unheard = World(LONG)
    unheard.stream.pause()
    unheard.step(speaks=False)
    unheard.stream.resume(unheard.now)  # nothing of it has begun, and nothing moves before it speaks
    with pytest.raises(CommandError, match="position is unknown"):
        unheard.step([0.9, 0.3], speaks=False)


def test_a_new_episode_does_not_free_a_robot_that_has_fallen_silent():
    world = World(LONG)
    for _ in range(20):
        world.step([0.9, 0.3])
    for period in range(130):
        if period == 50:  # as command_node does for ~/start_episode
            world.stream.rest()
            world.measured.forget()
        world.step(speaks=False)
    world.step()
    with pytest.raises(CommandError, match="paused; call ~/resume"):
        world.step([0.9, 0.3])


def test_a_process_that_is_away_now_and_then_takes_no_robot_for_silent():
    world = World(LONG)
    for period in range(300):
        if period % 20 == 0:  # its timer comes before the states that wait
            world.now += 0.25
            world.now_ns += 250_000_000
            world.stream.tick(world.now_ns, world.now)
        world.step([0.9, 0.3])
    assert not world.interlock.paused


def test_in_a_dry_run_nothing_waits_for_a_human():
    world = World(LONG, lost_s=0.0)
    for speaks in (True, False):
        for _ in range(200):
            world.step(speaks=speaks)
    assert not world.interlock.paused


def test_a_robot_that_is_lost_after_its_simulation_was_set_back_is_paused():
    world = World(LONG, simulated_clock=True)
    for speaks, periods in ((True, 20), (False, 50), (False, 130)):
        for _ in range(periods):
            world.step(speaks=speaks)
        if not speaks:
            world.now_ns -= 500_000_000_000
    assert world.interlock.paused


def test_a_robot_that_is_silent_while_its_simulation_stands_is_not_paused():
    world = World(LONG, simulated_clock=True)
    for _ in range(20):
        world.step([0.9, 0.3])
    for _ in range(300):
        world.now += 0.01
        world.stream.tick_without_clock(world.now, world.now_ns)
    world.step(speaks=False)
    world.step()
    assert world.step([0.9, 0.3]) is not None


def test_the_first_motion_shows_whether_what_is_measured_is_what_is_driven():
    world = World(LONG, first_hold_s=0.3)
    start = world.stand
    stays = [world.step([0.9, 0.3]).command for _ in range(30)]
    assert (np.array(stays) == start).all()
    for _ in range(30):
        world.step([0.9, 0.3])
    assert world.stand[0] > start[0] + 0.05
    world.silence_after()
    assert world.step([0.0, 0.0]).interventions == ()  # it need not be shown again
    world.silence_after()
    world.stream.meet()
    for _ in range(20):
        decision = world.step(None if world.interlock.fault else [0.9, 0.3], follows=False)
        world.stand = world.stand + np.array([0.004, 0.0])  # to where another tool's point would stand
    assert decision is None
    assert "the robot moved 0.02" in world.interlock.fault
    assert "while it was told to stay: current_pose is of another frame" in world.interlock.fault


def test_the_way_home_as_the_first_motion_is_gone_to_its_end_after_a_stay():
    world = World(LONG, first_hold_s=0.3)
    world.step()
    world.stream.go_home(np.array([0.0, 0.1]), 0.5, world.now_ns, world.now)
    stays = [world.step(alive=False).command for _ in range(30)]
    assert (np.array(stays) == stays[0]).all()
    for _ in range(300):
        world.step(alive=False)
    assert world.stand == pytest.approx([0.0, 0.1], abs=1e-6)


def test_another_driver_is_left_alone_at_once_but_a_velocity_is_brought_to_zero():
    joints = World(JOINTS)
    for _ in range(20):
        joints.step([0.9, 0.3])
    joints.stream.latch("another publisher", abandon=True)
    assert joints.step() is None
    rates = World(rate_contract())
    for _ in range(20):
        rates.step([0.4, 0.0])
    rates.stream.latch("another publisher", abandon=True)
    assert rates.silence_after()[-1].command.tolist() == [0.0, 0.0]


def test_nothing_is_followed_without_a_heartbeat_or_a_position_or_out_of_the_future():
    world = World(JOINTS)
    with pytest.raises(CommandError, match="no heartbeat accompanies it"):
        world.step([0.5, 0.0], alive=False)
    for _ in range(30):
        world.step(speaks=False)
    with pytest.raises(CommandError, match="the last one is 3"):
        world.chunk([0.5, 0.0])
    silent = World(JOINTS)
    with pytest.raises(CommandError, match="position is unknown; joint_states and current_pose must be published"):
        silent.step([0.5, 0.0], speaks=False)
    targets = np.zeros((JOINTS.horizon, 2))
    early = ActionChunk(world.now_ns + JOINTS.dt_ns + 1, JOINTS.dt_ns, targets, 7)
    with pytest.raises(CommandError, match="chunk 7 lies 10 ms in the future; synchronise the clocks"):
        world.stream.follow(early, world.now_ns, world.now)
    world.step()
    world.stream.follow(ActionChunk(world.now_ns + JOINTS.dt_ns, JOINTS.dt_ns, targets, 8), world.now_ns, world.now)
    assert world.stream.activity == "following"  # clocks may differ by a period


@pytest.mark.parametrize("moves", [False, True])
def test_a_chunk_that_has_ended_is_not_followed_and_is_no_sign_of_life(moves):
    world = World(LONG)
    for _ in range(20):
        world.step([0.5, 0.0] if moves else None)
    span_ns = LONG.horizon * LONG.dt_ns
    targets = np.zeros((LONG.horizon, 2))
    ended = ActionChunk(world.now_ns - span_ns, LONG.dt_ns, targets, 7)
    age = world.stream.ages(world.now)["chunk"]
    with pytest.raises(CommandError, match="chunk 7 ended 0 ms ago; synchronise the clocks"):
        world.stream.follow(ended, world.now_ns, world.now)
    with pytest.raises(CommandError, match="chunk 7 ended 1000 ms ago"):
        world.stream.follow(ended, world.now_ns + 10**9, world.now)
    assert world.stream.moving == moves
    assert world.stream.ages(world.now)["chunk"] == age
    last = ActionChunk(world.now_ns - span_ns + 1, LONG.dt_ns, targets, 8)
    world.stream.follow(last, world.now_ns, world.now)
    assert world.stream.activity == "following"


def test_motion_lasts_as_long_as_the_deadman_is_held_and_begins_again_with_it():
    world = World(JOINTS, deadman_timeout_s=0.05)
    world.step()
    with pytest.raises(CommandError, match="the deadman is released"):
        world.chunk([0.9, 0.3])
    start = world.stand
    commands = []
    for _ in range(25):
        world.stream.felt_deadman(world.now)
        commands.append(world.step([0.9, 0.3]).command)
    for _ in range(3):  # younger than its timeout
        commands.append(world.step([0.9, 0.3]).command)
    assert not any("deadman_released" in name for name in world.stream.counts)
    stop = [world.step([0.9, 0.3]) for _ in range(3)]
    assert "deadman_released" in stop[-1].interventions
    stop += world.silence_after()
    commands += [decision.command for decision in stop]
    assert all(value <= 1e-5 for value in excess(JOINTS, start, commands, 0.01).values())
    assert world.stream.activity == "resting"
    world.stream.felt_deadman(world.now)
    assert not world.step([0.9, 0.3]).held


def test_the_way_home_needs_the_deadman_too():
    world = World(JOINTS, deadman_timeout_s=0.05)
    world.step()
    home = np.array([0.0, 0.1])
    with pytest.raises(CommandError, match="the deadman is released"):
        world.stream.go_home(home, 0.5, world.now_ns, world.now)
    world.stream.felt_deadman(world.now)
    world.stream.go_home(home, 0.5, world.now_ns, world.now)
    for _ in range(4):
        world.step(alive=False)
    assert world.stream.going_home
    stop = world.silence_after(alive=False)
    assert "deadman_released" in stop[-1].interventions
    world.stream.felt_deadman(world.now)
    assert world.step(alive=False) is None  # an interrupted way home is not gone on with


def bounded(contract: Contract, **bounds: float) -> Contract:
    entries = tuple(entry.model_copy(update=bounds) for entry in contract.action.entries)
    return contract.model_copy(update={"action": contract.action.model_copy(update={"entries": entries})})


def test_bounds_change_at_rest_alone_and_hold_for_the_next_motion():
    world = World(JOINTS)
    narrow = bounded(JOINTS, high=0.5)
    for _ in range(20):
        world.step([0.4, 0.3])
    with pytest.raises(CommandError, match="changes only at rest; call ~/pause"):
        world.stream.confine(narrow)
    world.silence_after()
    counts = world.stream.counts
    world.stream.confine(narrow)
    assert world.stream.counts == counts
    for _ in range(200):
        assert world.step([0.9, 0.3]).command[0] <= 0.5
    assert world.stand == pytest.approx([0.5, 0.3], abs=1e-6)
    world.silence_after()
    for joint in np.linspace(0.5, 0.7, 10):  # led there by hand
        world.stand = np.array([joint, 0.3])
        world.step()
    with pytest.raises(CommandError, match=r"joint0 = 0\.7000 rad is outside .*bring it inside by hand"):
        world.step([0.3, 0.3])


@pytest.mark.parametrize("how", ["chunk", "home"])
def test_within_narrower_bounds_a_robot_moves_though_its_last_command_is_outside(how):
    contract = joint_contract(2, gripper=True)
    world = World(contract)
    for _ in range(120):
        world.step([0.020, 0.3, 0.7])
    assert world.silence_after()[-1].command == pytest.approx([0.020, 0.3, 0.7])
    world.stand = np.array([0.028, 0.3])  # friction keeps it there
    world.step()
    world.stream.confine(bounded(contract, low=0.025))
    target = [0.1, 0.4, 0.7] if how == "chunk" else None
    if how == "home":
        world.stream.go_home(np.array([0.1, 0.4, np.nan]), 0.5, world.now_ns, world.now)
    # The gripper, which is not measured, stays as it was told.
    assert world.step(target).command == pytest.approx([0.028, 0.3, 0.7], abs=1e-3)
    for _ in range(80):
        world.step(target)
    assert world.stand == pytest.approx([0.1, 0.4], abs=1e-3)


def test_a_motion_that_was_refused_forgets_no_last_command():
    world = World(JOINTS)
    for _ in range(200):
        world.step([0.99, 0.3])
    world.silence_after()
    for joint in (1.01, 1.03):
        world.stand = np.array([joint, 0.3])
        world.step()
    with pytest.raises(CommandError, match="bring it inside by hand"):
        world.step([0.5, 0.3])
    world.stand = np.array([0.975, 0.3])
    assert world.step([0.99, 0.3]).command == pytest.approx([0.99, 0.3], abs=1e-3)


def test_a_chunk_that_cannot_be_followed_begins_nothing():
    world = World(JOINTS)
    world.step()
    with pytest.raises(CommandError, match="target 0 has joint1 = nan"):
        world.chunk([0.5, float("nan")])
    assert not world.stream.moving
    assert world.step() is None


def test_a_clock_that_is_set_back_is_a_stop_and_what_was_followed_does_not_come_again():
    world = World(JOINTS.model_copy(update={"horizon": 100}))
    for _ in range(20):
        world.step([0.9, 0.3])
    world.now_ns -= 2_000_000_000  # the chunks that it follows lie in the future now
    stop = world.silence_after()
    assert all("clock_set_back" in decision.interventions for decision in stop)
    stand = world.stand
    for period in range(250):
        world.step(None if period % 10 else stand.tolist())
        assert world.stand == pytest.approx(stand, abs=1e-3)


def test_a_stop_lasts_though_the_chunks_clock_stands():
    world = World(JOINTS.model_copy(update={"horizon": 100}))
    for _ in range(20):
        world.step([0.9, 0.3])
    assert world.stream.tick_without_clock(world.now + 0.02, world.now_ns) is None  # late, no more
    decisions = []
    for tick in range(1, 200):
        now = world.now + 0.01 * tick
        world.stream.heard_heartbeat(now)
        decisions.append(world.stream.tick_without_clock(now, world.now_ns))
    held = [decision for decision in decisions if decision]
    assert any("clock_stands" in decision.interventions or "state_lost" in decision.interventions for decision in held)
    assert held[-1].command == pytest.approx(held[-2].command)
    assert decisions[-1] is None


def stalled(world: World, seconds: float = 0.15) -> np.ndarray:
    """Moves, and is then given no time for a while: the last command before it."""
    commands = [world.step([0.9, 0.3]).command for _ in range(20)]
    world.now += seconds
    world.now_ns += round(seconds * 1e9)
    assert commands[-1] is not None
    return commands[-1]


def within_limits(world: World, start: np.ndarray, decisions: list[GateDecision | None]) -> bool:
    over = excess(world.contract, start, [decision.command for decision in decisions], 0.01)
    return all(value <= 1e-5 for value in over.values())


def test_after_a_gap_in_the_commands_motion_begins_at_rest_at_the_last_one():
    world = World(LONG)
    last = stalled(world)
    assert within_limits(world, last, [world.step([0.9, 0.3]) for _ in range(40)])
    assert world.stand[0] > last[0] + 0.1


def test_after_a_gap_in_the_commands_a_stop_stays_where_the_robot_is():
    for lost in ("heartbeat", "clock", "node"):
        world = World(LONG)
        last = stalled(world, 0.5)
        if lost == "heartbeat":
            decisions = world.silence_after(alive=False)
        elif lost == "clock":
            decisions = [world.stream.tick_without_clock(world.now + 0.01 * tick, world.now_ns) for tick in range(5)]
        else:
            decisions = [world.stream.hold("deactivated", world.now, world.now_ns)]
            assert not world.stream.moving
        assert all((decision.command == last).all() for decision in decisions), lost


def test_a_clock_that_is_set_back_after_a_gap_stops_the_robot_where_it_is():
    world = World(LONG)
    last = stalled(world)
    world.now_ns -= 2_000_000_000
    assert all((decision.command == last).all() for decision in world.silence_after())


def test_a_few_late_periods_or_a_slow_simulation_are_no_gap():
    sound, late, slow = World(LONG), World(LONG), World(LONG, simulated_clock=True)
    stalled(sound, 0.0)
    last = stalled(late, 0.01)
    stalled(slow, 0.0)
    slow.now += 0.05  # on the steady clock alone
    lives = [world.step([0.9, 0.3]).command for world in (sound, late, slow)]
    assert lives[0][0] > last[0] + 0.005
    assert lives[1] == pytest.approx(lives[0])
    assert lives[2] == pytest.approx(lives[0])


def test_after_a_gap_a_rate_goes_on_as_it_was():
    world = World(rate_contract().model_copy(update={"horizon": 100}))
    last = stalled(world)
    assert within_limits(world, last, [world.step([0.9, 0.3]) for _ in range(40)])


def test_a_gap_that_a_clock_was_set_back_in_is_one():
    world = World(LONG)
    last = stalled(world, 0.0)
    world.now += 0.3  # of which the chunks' clock shows nothing
    assert within_limits(world, last, [world.step([0.9, 0.3]) for _ in range(40)])


def test_a_gripper_beside_a_velocity_keeps_its_last_command_when_motion_begins_anew():
    contract = rate_contract("twist", ("vx", "vy"))
    entries = (*contract.action.entries, ActionEntry(name="gripper", unit="1", low=0, high=1))
    action = contract.action.model_copy(update={"entries": entries, "hold": (0.0, 0.0, None)})
    world = World(contract.model_copy(update={"action": action}))
    assert world.step([0.2, 0.0, 1.0]).command[2] == 1.0
    world.silence_after(alive=False)
    world.stream.heard_heartbeat(world.now)
    world.chunk([0.2, 0.0, 1.0])
    world.stream.heard_heartbeat(world.now, "no image")
    first = world.stream.tick(world.now_ns, world.now)
    assert first.held
    assert first.command.tolist() == [0.0, 0.0, 1.0]
    world.silence_after(alive=False)
    world.stream.forget_commands()
    world.stream.heard_heartbeat(world.now)
    world.chunk([0.2, 0.0, 1.0])
    world.stream.heard_heartbeat(world.now, "no image")
    assert world.stream.tick(world.now_ns, world.now).command.tolist() == [0.0, 0.0, 0.0]


def test_a_command_that_could_not_be_given_in_time_is_withdrawn():
    world = World(LONG)
    last = stalled(world, 0.0)
    made_up = world.step([0.9, 0.3], follows=False)
    assert not world.stream.withdraw_late(world.now + 0.05)
    assert world.stream.withdraw_late(world.now + 0.4)
    world.stand = last[:2]
    world.now += 0.4
    world.now_ns += 400_000_000
    assert within_limits(world, last, [world.step([0.9, 0.3]) for _ in range(40)])
    assert world.stand[0] > made_up.command[0]
    rate = World(rate_contract().model_copy(update={"horizon": 100}))
    stalled(rate, 0.0)
    assert not rate.stream.withdraw_late(rate.now + 0.4)


@pytest.mark.parametrize("period_s", [0.033, 0.05, 0.12])
def test_commands_that_are_always_late_are_slow_motion_and_no_gaps(period_s):
    world = World(LONG)
    for _ in range(60):
        world.now += period_s - 0.01
        world.now_ns += round((period_s - 0.01) * 1e9)
        world.step([0.9, 0.3])
    assert world.stand[0] > 0.4


@pytest.mark.parametrize("clock_ns", [0, 2_000_000])
def test_in_a_slow_or_paused_simulation_a_stop_brakes_as_in_any(clock_ns):
    sound, slow = World(LONG), World(LONG, simulated_clock=True)
    for world in (sound, slow):
        stalled(world, 0.0)
    expected = [sound.stream.hold("test", sound.now, sound.now_ns).command for _ in range(10)]
    for command in expected:
        slow.now += 0.3
        slow.now_ns += clock_ns
        assert slow.stream.hold("test", slow.now, slow.now_ns).command == pytest.approx(command)


def test_a_quaternion_without_direction_is_refused_whole():
    world = World(pose_contract())
    with pytest.raises(CommandError, match=r"chunk 0: target 0 has a quaternion ee\.qx … ee\.qw of norm 0\.01, less"):
        world.step([0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 0.01, 0.0])
    assert not world.stream.moving


def test_going_home_needs_no_policy_and_suffers_none_meanwhile():
    world = World(JOINTS)
    world.step()
    home = np.array([0.0, 0.1])
    assert world.stream.go_home(home, 0.5, world.now_ns, world.now) > 0.1
    assert world.stream.activity == "going_home"
    world.step(alive=False)
    with pytest.raises(CommandError, match="on its way home"):
        world.chunk([0.9, 0.3])
    with pytest.raises(CommandError, match=r"^the robot is already on its way home$"):
        world.stream.go_home(home, 0.5, world.now_ns, world.now)
    decisions = world.silence_after(alive=False)
    assert decisions[-1].command == pytest.approx(home, abs=1e-6)
    world.step([0.9, 0.3])
    with pytest.raises(CommandError, match="follows a policy"):
        world.stream.go_home(home, 0.5, world.now_ns, world.now)
    native = World(small_contract())
    with pytest.raises(CommandError, match="actions of kind 'native' know no home"):
        native.stream.go_home(home, 0.5, native.now_ns, native.now)


def test_home_is_open_to_a_human_during_his_pause_and_the_pause_stays():
    world = World(JOINTS)
    world.step()
    world.stream.pause()
    world.silence_after(alive=False)
    world.stream.go_home(np.array([0.0, 0.1]), 0.5, world.now_ns, world.now)
    assert world.silence_after(alive=False)[-1].command == pytest.approx([0.0, 0.1], abs=1e-6)
    with pytest.raises(CommandError, match="paused; call ~/resume"):
        world.chunk([0.9, 0.3])


def test_the_way_home_that_is_interrupted_is_not_gone_on_with():
    world = World(JOINTS)
    for interrupt, reason in (("pause", "paused"), ("silence", "state_lost")):
        world.step()
        world.stream.go_home(-np.sign(world.stand), 0.5, world.now_ns, world.now)
        for _ in range(30):
            world.step(alive=False)
        assert world.stream.going_home
        if interrupt == "pause":
            world.stream.pause()
        else:
            for _ in range(25):
                held = world.step(speaks=False)
            assert held.held
        stop = world.silence_after()
        assert all(reason in decision.interventions for decision in stop)
        assert not world.stream.going_home
        world.interlock.paused = False


def test_a_robot_is_held_to_its_end_at_once():
    world = World(JOINTS.model_copy(update={"horizon": 100}))
    for _ in range(20):
        world.step([0.9, 0.3])
    commands = []
    while (decision := world.stream.hold("deactivated", world.now, world.now_ns)) is not None:
        commands.append(decision.command)
    assert len(commands) > 2
    assert world.stream.activity == "resting"


def test_a_gripper_that_stops_at_what_it_holds_is_no_robot_that_does_not_follow():
    contract = joint_contract(2, gripper=True)
    state = (*contract.observation.state, StateEntry(name="gripper", unit="1"))
    observation = contract.observation.model_copy(update={"state": state})
    measured = MeasuredPosition(contract.model_copy(update={"observation": observation}), 0.2, max_speed=5.0)
    measured.observe(10**9, np.array([0.0, 0.1, 0.0]), 1.0)
    measured.observe(10**9 + 10_000_000, np.array([0.0, 0.1, 1.0]), 1.01)
    assert measured.distance(np.array([0.0, 0.0, 0.2])) == (pytest.approx(0.1), 0.0)
    assert measured.newest == pytest.approx([0.0, 0.1, 1.0])


def test_states_that_cannot_be_true_are_refused():
    measured = MeasuredPosition(JOINTS, 0.2, max_speed=5.0)
    measured.observe(10**9, np.zeros(2), 1.0)
    with pytest.raises(ObservationError, match=r"would have moved at 100\.0 .*check the driver"):
        measured.observe(10**9 + 10_000_000, np.array([1.0, 0.0]), 1.01)
    with pytest.raises(ObservationError, match=r"its stamp lies 5\.0 ms before the last one's"):
        measured.observe(10**9 - 5_000_000, np.zeros(2), 1.02)
    assert measured.age(1.05) == pytest.approx(0.05)  # what is refused is no sign of life
    measured.observe(10**9 + 500_000_000, np.array([1.0, 0.0]), 1.5)  # in half a second it may have come there
    measured.observe(5, np.array([-1.0, 0.0]), 1.6)  # another clock
    assert measured.newest == pytest.approx([-1.0, 0.0])
