"""A robot that is given whole paths goes along them, whatever comes late: limits hold for each second of it."""

# pyright: reportOptionalSubscript=false, reportOptionalMemberAccess=false, reportOptionalOperand=false

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from helpers.command_world import World
from helpers.motion import joint_contract
from hypothesis import given, settings
from hypothesis import strategies as st
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.limit_excess import excess
from sdm_core.contract import Contract, Rates
from sdm_core.errors import CommandError

LONG = joint_contract(2).model_copy(update={"horizon": 100})


def slower(control_hz: float) -> Contract:
    """The same second of targets, of a policy that is slower than its robot."""
    return LONG.model_copy(update={"rates": Rates(control_hz=control_hz), "horizon": 16})


TEN_HZ = slower(10.0)
CONTRACTS = [LONG, slower(40.0), TEN_HZ]


def keeps_its_limits(world: World, start: np.ndarray) -> None:
    """At the periods' ends, but where one's row was due so soon that the robot was led to the next; in between the
    controller's splines may be a little beyond."""
    over = excess(world.contract, start, world.driven, 0.01)
    slack = {"bounds": 1e-5, "velocity": 1e-3, "acceleration": 0.02, "jerk": 0.15}
    assert all(value <= slack[limit] for limit, value in over.items()), over
    velocity = np.array([entry.max_velocity for entry in world.contract.action.entries[:2]])
    acceleration = np.array([entry.max_acceleration for entry in world.contract.action.entries[:2]])
    speeds = np.array(world.speeds)
    assert (np.abs(speeds) <= 1.05 * velocity).all()
    assert (np.abs(np.diff(speeds, axis=0)) / 0.001 <= 2.0 * acceleration).all()


def lead(world: World, target: list[float], periods: int, every: int = 10) -> None:
    for period in range(periods):
        world.step(target if period % every == 0 else None)


def ahead(world: World, target: list[float], lead_ns: int) -> None:
    """A chunk whose sender's clock is ahead."""
    targets = np.broadcast_to(target, (world.contract.horizon, 2)).copy()
    world.stream.heard_heartbeat(world.now)
    world.stream.follow(ActionChunk(world.now_ns + lead_ns, world.contract.dt_ns, targets, 0), world.now_ns, world.now)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_it_is_led_to_its_target_and_each_decision_is_where_it_is_a_period_later(contract):
    world = World(contract, sends_paths=True)
    start, decisions = world.stand, []
    for period in range(120):
        decisions.append(world.step([0.9, 0.3] if period % 10 == 0 else None).command)
    assert np.array(world.driven[1:]) == pytest.approx(np.array(decisions[:-1]), abs=1e-9)
    assert world.stand == pytest.approx([0.9, 0.3], abs=1e-3)
    keeps_its_limits(world, start)


def test_after_a_gap_it_has_gone_on_along_its_path():
    world = World(LONG, sends_paths=True)
    lead(world, [0.9, 0.3], 20)
    path = world.path.commands
    world.passes(4)
    command = np.asarray(world.step().command)
    (row,) = np.flatnonzero((np.abs(path - command) < 1e-12).all(axis=1))
    assert path[row - 1] == pytest.approx(world.stand, abs=1e-9)
    world.passes(300)  # and stands at its end, to where the chunk led
    assert world.stream.tick_without_clock(world.now, world.now_ns).command == pytest.approx(path[-1], abs=1e-6)


LATE = [0, 0.7, 1.5, 3, 15, 300]


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("when", ["ticks_late", "sends_late", "plans_late"])
@pytest.mark.parametrize("what", ["begins", "turns", "stops", "is paused", "goes home"])
@pytest.mark.parametrize("contract", [LONG, TEN_HZ])
def test_a_path_begins_where_the_robot_has_been_led_by_then(contract, what, when, late):
    """The process has no time: what it is told meanwhile it hears before it ticks."""
    world = World(contract, sends_paths=True)
    start, home, turn = world.stand, np.array([0.0, 0.1]), [-0.5, 0.5]
    if what == "goes home":
        world.step()
        world.stream.go_home(home, 0.5, world.now_ns, world.now)
    for period in range(20):
        world.step([0.9, 0.3] if what not in ("goes home", "begins") and period % 10 == 0 else None)
    if what == "is paused":
        world.stream.pause()
    led = what in ("begins", "turns")
    world.step(turn if led else None, alive=what != "stops", **{when: late})
    for period in range(300):
        world.step(turn if led and period % 10 == 0 else None, alive=what != "stops")
    keeps_its_limits(world, start)
    if led or what == "goes home":
        assert world.stand == pytest.approx(turn if led else home, abs=1e-3)
    else:
        assert world.stand[0] < 0.9 or late >= 15  # it was stopped on its way, unless it came to its end


@settings(max_examples=25, deadline=None)
@given(
    contract=st.sampled_from([LONG, TEN_HZ]),
    events=st.lists(
        st.tuples(
            st.sampled_from(["chunk", "chunk", "ahead", "alive", "dead", "pause", "home"]),
            st.sampled_from(["ticks_late", "sends_late", "plans_late"]),
            st.integers(0, 120),  # tenths of a period
            st.integers(1, 30),  # periods with time afterwards
        ),
        min_size=1,
        max_size=10,
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_keeps_its_limits_whatever_comes_late(contract, events, seed):
    rng = np.random.default_rng(seed)
    world = World(contract, sends_paths=True)
    start = world.stand
    for what, when, late, after in events:
        target = rng.uniform(-0.9, 0.9, 2)
        if not world.stream.moving:  # a motion's first period sets their phase
            late, when = 10 * (late // 10), when if when != "ticks_late" else "sends_late"
        if what == "pause":
            world.stream.pause()
        elif world.interlock.paused and what != "home":
            world.interlock.paused = False
        with suppress(CommandError):  # stopping, or on its way home
            if what == "home" and not world.stream.moving:
                world.step()
                world.stream.go_home(target, 0.5, world.now_ns, world.now)
            if what == "ahead":
                ahead(world, target.tolist(), world.contract.dt_ns)
            world.step(target if what == "chunk" else None, alive=what != "dead", **{when: late / 10})
        for _ in range(after):
            world.step(alive=what != "dead")
    if world.driven:
        keeps_its_limits(world, start)


@pytest.mark.parametrize("contract", [LONG, TEN_HZ])
@pytest.mark.parametrize("late", [0, 3])
def test_a_chunk_whose_time_has_not_come_ends_no_path(contract, late):
    world = World(contract, sends_paths=True)
    world.step()
    start = world.stand
    ahead(world, [0.9, 0.3], contract.dt_ns)
    for _ in range(19):
        world.step()
    world.step(ticks_late=late)
    lead(world, [0.9, 0.3], 60)
    keeps_its_limits(world, start)
    assert world.stand == pytest.approx([0.9, 0.3], abs=1e-3)


@pytest.mark.parametrize("step_ms", [-1500, -50, 5, 50, 900, 1500])
def test_a_clock_that_is_set_leads_no_robot_away_from_its_path(step_ms):
    world = World(LONG, sends_paths=True)
    start = world.stand
    lead(world, [0.9, 0.3], 20)
    world.now_ns += step_ms * 1_000_000
    for period in range(1, 100):
        with suppress(CommandError):
            world.step([0.9, 0.3] if period % 10 == 0 else None)
    keeps_its_limits(world, start)


@pytest.mark.parametrize("late", [0.3, 0.6, 0.8])
def test_a_timer_that_is_late_and_early_leads_it_no_faster(late):
    steady, jittering = World(LONG, sends_paths=True), World(LONG, sends_paths=True)
    for world, lates in ((steady, (0.0, 0.0)), (jittering, (0.0, late))):
        start = world.stand
        for period in range(40):
            world.step([0.9, 0.3] if period % 10 == 0 else None, ticks_late=lates[period % 2])
        keeps_its_limits(world, start)
    assert np.array(jittering.driven[:39]) == pytest.approx(np.array(steady.driven[:39]), abs=0.03)
    assert steady.stand[0] < 0.8  # it is still under way


def test_lateness_leaves_no_debt():
    """A period that was late once is made up for, and not carried into all that follow."""
    world = World(LONG, sends_paths=True)
    lead(world, [0.9, 0.3], 20)
    world.step([0.9, 0.3], sends_late=1.7)
    for _ in range(3):
        world.step()
    world.step([0.5, 0.5])
    assert world.path.first_s == pytest.approx(0.01)
    assert world.path.before == pytest.approx(world.stand, abs=1e-9)


@pytest.mark.parametrize("plans_late", [0.4, 1.3, 4.0])
def test_what_is_sent_is_never_behind_the_robot(plans_late):
    world = World(LONG, sends_paths=True)
    lead(world, [0.9, 0.3], 20)
    world.step([-0.5, 0.5], plans_late=plans_late)
    assert 0.005 <= world.path.first_s <= 0.015
    share = 1 - world.path.first_s / 0.01
    between = world.path.before + share * (world.path.commands[0] - world.path.before)
    assert world.stand == pytest.approx(between, abs=2e-4)


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("gap", [0, 3, 14, 33, 300])
def test_after_a_gap_the_way_home_does_not_turn_back(contract, gap):
    world = World(contract, sends_paths=True)
    start = world.stand
    world.step()
    world.stream.go_home(np.array([0.9, 0.3]), 0.5, world.now_ns, world.now)
    for _ in range(40):
        world.step()
    world.passes(gap)
    for _ in range(400):
        world.step()
    assert (np.diff(np.array(world.driven)[40 : gap + 80, 0]) > -1e-9).all()
    assert world.stand == pytest.approx([0.9, 0.3], abs=1e-6)
    keeps_its_limits(world, start)


@pytest.mark.parametrize("horizon", [1, 2, 16])
@pytest.mark.parametrize("control_hz", [10.0, 20.0, 100.0])
@pytest.mark.parametrize("sends_paths", [True, False])
def test_the_whole_way_home_is_within_its_share_and_never_turns_back(sends_paths, control_hz, horizon):
    contract = LONG.model_copy(
        update={"rates": Rates(control_hz=control_hz), "horizon": horizon, "n_action_steps": min(horizon, 2)}
    )
    world = World(contract, sends_paths=sends_paths)
    world.step()
    world.stream.go_home(np.array([-0.9, 0.9]), 0.2, world.now_ns, world.now)
    places = []
    for _ in range(850):
        world.step()
        places.append(world.stand)
    assert world.stand == pytest.approx([-0.9, 0.9], abs=1e-5)
    assert not world.stream.moving
    steps = np.diff(np.array(places)[:, 1])
    assert steps.min() > -1e-9
    assert steps.max() <= 0.2 * 1.5 * 0.01 * 1.001


@pytest.mark.parametrize("sends_paths", [True, False])
@pytest.mark.parametrize("gap", [8, 30])
def test_an_ensemble_makes_no_mean_of_ways_home(gap, sends_paths):
    def fastest(scheduler: str) -> float:
        world = World(TEN_HZ, sends_paths=sends_paths, scheduler=scheduler)
        world.step()
        world.stream.go_home(np.array([-0.9, 0.9]), 0.1, world.now_ns, world.now)
        for _ in range(600):
            world.step()
        world.passes(gap)
        places = []
        for _ in range(100):
            world.step()
            places.append(world.stand)
        return float(np.abs(np.diff(places, axis=0)).max())

    assert fastest("ensemble") == pytest.approx(fastest("receding"), rel=1e-6)


@pytest.mark.parametrize("how", ["chunk", "home"])
@pytest.mark.parametrize("gap", [0, 5, 12])
def test_the_first_motion_is_told_to_stay_before_it_is_led(how, gap):
    world = World(TEN_HZ, sends_paths=True, first_hold_s=0.3)
    start = world.stand
    world.step()
    if how == "home":
        world.stream.go_home(np.array([-0.5, 0.5]), 0.5, world.now_ns, world.now)
    world.step([-0.5, 0.5] if how == "chunk" else None)
    assert world.path.commands.tolist() == [start.tolist()] * len(world.path.commands)
    world.passes(gap)
    for period in range(1, 400):
        world.step([-0.5, 0.5] if how == "chunk" and period % 10 == 0 else None)
    assert np.array(world.driven[20:25]) == pytest.approx(np.tile(start, (5, 1)))
    assert world.stand == pytest.approx([-0.5, 0.5], abs=1e-3)
    keeps_its_limits(world, start)


@pytest.mark.parametrize("late", [0, 8, 20])
def test_a_stop_is_over_when_the_robot_stands_and_not_before(late):
    """Also where it is decided before the robot has moved, and given when it has."""
    for ends in ("pause", "hold"):
        world = World(LONG, sends_paths=True)
        start = world.stand
        world.step([0.9, 0.3])
        world.step()
        if ends == "pause":
            world.stream.pause()
            world.step(sends_late=late)
            while world.step() is not None:
                assert world.stream.activity == "stopping"
        else:
            world.passes(1)
            while world.stream.hold("deactivated", world.now, world.now_ns) is not None:
                world.passes(late)
                world.sends()
                world.passes(1)
                late = 0
        assert world.speeds[-1] == pytest.approx([0.0, 0.0], abs=1e-9)
        assert not world.stream.moving
        keeps_its_limits(world, start)


def test_what_was_left_alone_on_its_path_is_not_led_anew_before_it_stands():
    world = World(LONG, sends_paths=True)
    start = world.stand
    lead(world, [0.9, 0.3], 30)
    world.stream.latch("another publisher", abandon=True)
    assert world.step() is None
    world.interlock.fault = ""
    with pytest.raises(CommandError, match=r"on the path that it was given last, for \d\.\d\d s more"):
        world.step([-0.5, 0.5])
    assert not world.stream.moving
    world.passes(120)
    lead(world, [-0.5, 0.5], 200)
    assert world.stand == pytest.approx([-0.5, 0.5], abs=1e-3)
    keeps_its_limits(world, start)


def test_in_a_stop_the_gripper_keeps_what_it_was_told_and_is_told_nothing_of_a_gap():
    contract = joint_contract(2, gripper=True).model_copy(update={"horizon": 100})
    world = World(contract, sends_paths=True)
    targets = np.tile([0.9, 0.3, 0.0], (100, 1))
    targets[12:, 2] = 1.0
    world.step(targets)
    for _ in range(5):
        assert world.step().command[2] == 0.0
    world.stream.pause()
    world.passes(15)
    for _ in range(10):
        decision = world.step()
        assert decision.interventions == ("paused",)
        assert decision.command[2] == 0.0
    world = World(contract, sends_paths=True)
    world.step(targets)
    world.passes(15)
    assert world.step().command[2] == 1.0  # where it goes on, it is told late


def test_a_moment_without_time_is_no_robot_that_does_not_follow():
    for gap in (3, 8, 12, 15, 18):
        world = World(LONG, sends_paths=True, tracking_error=0.1)
        lead(world, [0.9, 0.9], 30)
        world.passes(gap + 1)
        world.stream.heard_heartbeat(world.now)
        world.stream.tick(world.now_ns, world.now)  # the timer comes before the states that wait
        assert not world.interlock.fault
        world.step()
        assert not world.interlock.fault
    for period in range(40):
        world.passes(1)
        world.measured.observe(world.now_ns, world.stand - 0.005 * period, world.now)
        world.stream.heard_heartbeat(world.now)
        world.stream.tick(world.now_ns, world.now)
    assert "it does not follow" in world.interlock.fault


@pytest.mark.parametrize("stands", [10, 25, 60])
def test_while_a_simulation_stands_so_does_its_robot_on_its_path(stands):
    world = World(LONG, sends_paths=True, simulated_clock=True)
    start = world.stand
    lead(world, [0.9, 0.3], 30)
    for _ in range(stands):
        world.now += 0.01
        world.stream.heard_heartbeat(world.now)
        if world.stream.tick_without_clock(world.now, world.now_ns):
            world.sends()
    world.now += 0.01
    for period in range(200):
        with suppress(CommandError):
            world.step([0.9, 0.3] if period % 10 == 0 else None)
    keeps_its_limits(world, start)
    assert world.stand == pytest.approx([0.9, 0.3], abs=1e-3)


@pytest.mark.parametrize("factor", [0.2, 1.0, 5.0])
def test_gaps_of_a_slow_or_fast_simulation_are_as_long_as_its_clock_says(factor):
    """So many seconds of its own go by in one of the wall's."""
    world = World(LONG, sends_paths=True, simulated_clock=True)
    start = world.stand
    for period in range(100):
        world.now += 0.01 * (1 / factor - 1)
        if period == 20:
            world.passes(10)
            world.now += 0.1 * (1 / factor - 1)
        world.step([0.9, 0.3] if period < 20 else [-0.5, 0.5])
    keeps_its_limits(world, start)


def test_a_path_of_a_slow_simulation_is_planned_for_as_long_as_its_robot_goes_on_meanwhile():
    world = World(LONG, sends_paths=True, simulated_clock=True)
    for _ in range(20):
        world.now += 0.03  # four seconds of the wall's in one of its own
        world.step([0.9, 0.3])
    world.chunk([-0.5, 0.5])
    times = iter([world.now, world.now + 0.12, world.now + 0.12, world.now + 0.12])
    path = world.stream.path(lambda: next(times))
    assert path.first_s == pytest.approx(0.01)
    expected = np.array([world.path.commands[3 - 1], world.path.commands[3]])
    assert np.array([path.before, path.commands[0]]) == pytest.approx(expected)


@pytest.mark.parametrize("late", [10, 30])
def test_a_stop_waits_no_longer_than_the_process_had_no_time(late):
    for when in ("ticks_late", "sends_late", "plans_late"):
        world = World(LONG, sends_paths=True)
        lead(world, [0.9, 0.3], 20)
        world.stream.pause()
        world.step(**{when: late})
        back, speed = len(world.speeds), np.abs(world.speeds[-1]).max()
        for _ in range(40):
            world.step()
        braking = np.flatnonzero(np.abs(world.speeds[back:]).max(axis=1) < 0.99 * speed)
        assert braking[0] <= 35, when  # ms, of which the jerk takes some


def gone_home(where: str, **late: Any) -> World:
    """Slowly, and after a while without time."""
    world = World(TEN_HZ, sends_paths=True)
    world.step()
    world.stream.go_home(np.array([-0.9, 0.9]), 0.1, world.now_ns, world.now)
    for _ in range(150 if where == "is on its way" else 0):
        world.step()
    world.step(**late)
    for _ in range(1700):
        world.step()
    assert world.stand == pytest.approx([-0.9, 0.9], abs=1e-6)
    return world


@pytest.mark.parametrize("late", [3, 300])
@pytest.mark.parametrize("where", ["begins", "is on its way"])
def test_the_way_home_is_no_faster_because_something_came_late(where, late):
    undisturbed = np.abs(gone_home(where).speeds).max()
    for when in ("ticks_late", "sends_late", "plans_late"):
        assert np.abs(gone_home(where, **{when: late}).speeds).max() <= 1.1 * undisturbed, when


def test_a_simulation_s_clock_that_comes_in_bursts_tells_no_wrong_pace():
    """A simulation in real time, of which a period is heard of late, and the next one soon after it."""
    rng = np.random.default_rng(0)
    world = World(LONG, sends_paths=True, simulated_clock=True)
    start = world.stand
    for period in range(200):
        begins = period % 10 == 0
        world.now += {9: 0.008, 0: -0.008}.get(period % 10, 0.0)
        world.step(rng.uniform(-0.9, 0.9, 2) if begins else None, plans_late=0.8 if begins else 0.0)
    keeps_its_limits(world, start)


@pytest.mark.parametrize("sends_paths", [True, False])
def test_on_its_way_home_it_begins_from_rest_where_it_has_come_to_rest(sends_paths):
    world = World(TEN_HZ, sends_paths=sends_paths)
    world.step()
    world.stream.go_home(np.array([-0.9, 0.9]), 0.1, world.now_ns, world.now)
    for _ in range(450):
        world.step()
    world.passes(300)
    places = []
    for _ in range(40):
        world.step()
        places.append(world.stand)
    assert np.abs(places[-1] - places[0]).max() < 0.005
    for _ in range(1700):
        world.step()
    assert world.stand == pytest.approx([-0.9, 0.9], abs=1e-6)


def test_a_stop_that_is_given_is_not_given_again_for_every_chunk():
    world = World(LONG, sends_paths=True)
    lead(world, [0.9, 0.3], 20)
    for _ in range(12):
        world.step(alive=False)
    assert world.stream.activity == "stopping"
    world.path = None
    for _ in range(5):
        with suppress(CommandError):
            world.step([0.9, 0.3], alive=False)
    assert world.path is None


@pytest.mark.parametrize(("wall_s", "simulated_s"), [(60.0, 60.0), (60.0, 0.0), (1.0, 0.0), (60.0, 6.0), (0.5, 10.0)])
@pytest.mark.parametrize("late", [1.5, 3])
def test_a_rest_tells_nothing_of_a_simulation_s_pace(late, wall_s, simulated_s):
    """Whether its clock ran, stood, or was set ahead meanwhile: what is planned afterwards meets the robot."""
    world = World(LONG, sends_paths=True, simulated_clock=True)
    lead(world, [0.4, -0.2], 10)
    world.stream.pause()
    for _ in range(100):
        world.step()
    assert not world.stream.moving
    world.interlock.paused = False
    world.now += wall_s
    world.now_ns += round(simulated_s * 1e9)
    world.looks()
    world.step()
    start = world.stand
    world.driven.clear()
    world.speeds.clear()
    lead(world, [-0.9, 0.9], 15)
    world.step([0.9, -0.9], plans_late=late)
    lead(world, [0.9, -0.9], 60)
    keeps_its_limits(world, start)
