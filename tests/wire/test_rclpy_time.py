"""Times, clocks, timers, rates and simulated time."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest
from builtin_interfaces.msg import Duration as DurationMessage
from builtin_interfaces.msg import Time as TimeMessage
from rclpy.clock import Clock, ClockChange, ClockType, JumpThreshold, ROSClock
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.exceptions import NotInitializedException, ROSInterruptException
from rclpy.executors import ExternalShutdownException
from rclpy.parameter import Parameter
from rclpy.time import Time
from rosgraph_msgs.msg import Clock as ClockMessage

SIM_TIME = [Parameter("use_sim_time", value=True)]
WALL_TIME = [Parameter("use_sim_time", value=False)]


def seconds_of(clock: Clock) -> float:
    return clock.now().nanoseconds / 1e9


class SimulatedTime:
    """A publisher of /clock, and a node that follows it."""

    def __init__(self, graph) -> None:
        self.graph = graph
        self.publisher = graph.node("clock").create_publisher(ClockMessage, "/clock", 10)
        self.node = graph.node("node", parameter_overrides=SIM_TIME)
        self.clock = self.node.get_clock()
        graph.spin_until(lambda: self.publisher.get_subscription_count() == 1)

    def set(self, seconds: float) -> None:
        self.publisher.publish(ClockMessage(clock=Time(seconds=seconds).to_msg()))
        wanted = Time(seconds=seconds).nanoseconds
        self.graph.spin_until(lambda: self.clock.now().nanoseconds == wanted)
        for _ in range(5):  # whatever the new time made ready
            self.graph.executor.spin_once(timeout_sec=0)

    def timer(self, period: float) -> list[float]:
        """The times at which a new timer is called."""
        calls: list[float] = []
        self.node.create_timer(period, lambda: calls.append(seconds_of(self.clock)))
        return calls


# --- times and durations


def test_a_time_counts_nanoseconds() -> None:
    t = Time(seconds=1, nanoseconds=500)
    assert (t.nanoseconds, t.seconds_nanoseconds()) == (1_000_000_500, (1, 500))


def test_a_time_has_the_type_of_its_clock() -> None:
    assert Time().clock_type == ClockType.SYSTEM_TIME
    assert Time(clock_type=ClockType.STEADY_TIME).clock_type == ClockType.STEADY_TIME
    with pytest.raises(TypeError):
        Time(clock_type="steady")  # type: ignore[arg-type]


def test_a_time_is_not_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        Time(seconds=-1)
    with pytest.raises(ValueError, match="negative"):
        Time(nanoseconds=-1)


def test_a_time_fits_into_63_bits() -> None:
    assert Time(nanoseconds=2**63 - 1).nanoseconds == 2**63 - 1
    with pytest.raises(OverflowError):
        Time(nanoseconds=2**63)


def test_a_duration_moves_a_time() -> None:
    t = Time(seconds=5, clock_type=ClockType.ROS_TIME)
    assert (t + Duration(seconds=1.5)).nanoseconds == 6_500_000_000
    assert (t - Duration(seconds=1.5)) == Time(seconds=3.5, clock_type=ClockType.ROS_TIME)


def test_a_duration_does_not_move_a_time_out_of_range() -> None:
    with pytest.raises(ValueError, match="negative"):
        _ = Time(seconds=1) - Duration(seconds=2)
    with pytest.raises(OverflowError):
        _ = Time(nanoseconds=2**63 - 1) + Duration(nanoseconds=1)


def test_the_difference_of_times_is_a_duration() -> None:
    assert Time(seconds=3) - Time(seconds=1) == Duration(seconds=2)
    assert Time(seconds=1) - Time(seconds=3) == Duration(seconds=-2)


def test_times_of_one_clock_compare() -> None:
    early, late = Time(seconds=1), Time(seconds=2)
    assert early < late
    assert late >= early
    assert early != late
    assert early == Time(nanoseconds=10**9)


def test_times_of_different_clocks_do_not_compare() -> None:
    for compare in (lambda a, b: a < b, lambda a, b: a == b, lambda a, b: a - b):
        with pytest.raises(TypeError, match="different clock types"):
            compare(Time(), Time(clock_type=ClockType.ROS_TIME))


def test_a_time_survives_its_message() -> None:
    t = Time(seconds=1, nanoseconds=500)
    assert t.to_msg() == TimeMessage(sec=1, nanosec=500)
    assert Time.from_msg(t.to_msg(), ClockType.SYSTEM_TIME) == t


def test_a_time_of_a_message_is_ros_time_unless_told_otherwise() -> None:
    assert Time.from_msg(TimeMessage(sec=1)).clock_type == ClockType.ROS_TIME


@pytest.mark.parametrize("nanoseconds", [0, 1, 1_500_000_000, -1, -1_500_000_000])
def test_a_duration_survives_its_message(nanoseconds: int) -> None:
    message = Duration(nanoseconds=nanoseconds).to_msg()
    assert isinstance(message, DurationMessage)
    assert 0 <= message.nanosec < 10**9
    assert Duration.from_msg(message).nanoseconds == nanoseconds


def test_durations_compare() -> None:
    assert Duration(seconds=-1) < Duration() < Duration(nanoseconds=1) <= Duration(seconds=1e-9)
    assert Duration(seconds=1.5) == Duration(nanoseconds=1_500_000_000)


def test_a_duration_fits_into_64_bits() -> None:
    with pytest.raises(OverflowError):
        Duration(nanoseconds=2**63)


# --- clocks


def test_a_system_clock_tells_the_systems_time() -> None:
    assert abs(Clock().now().nanoseconds - time.time_ns()) < 60 * 10**9


def test_a_steady_clock_does_not_go_back() -> None:
    clock = Clock(clock_type=ClockType.STEADY_TIME)
    first = clock.now()
    assert first.clock_type == ClockType.STEADY_TIME
    assert clock.now() >= first


def test_a_ros_clock_tells_the_systems_time_while_ros_time_is_not_active() -> None:
    clock = Clock(clock_type=ClockType.ROS_TIME)
    assert isinstance(clock, ROSClock)
    assert not clock.ros_time_is_active
    assert abs(clock.now().nanoseconds - time.time_ns()) < 60 * 10**9


def test_a_clock_needs_a_type() -> None:
    with pytest.raises(TypeError):
        Clock(clock_type="steady")  # type: ignore[arg-type]


def test_a_sleep_reaches_its_end(graph) -> None:
    clock = Clock(clock_type=ClockType.STEADY_TIME)
    until = clock.now() + Duration(seconds=0.02)
    assert clock.sleep_until(until, graph.context)
    assert clock.now() >= until


def test_a_sleep_for_a_while_takes_it(graph) -> None:
    clock = Clock(clock_type=ClockType.STEADY_TIME)
    before = clock.now()
    assert clock.sleep_for(Duration(seconds=0.02), graph.context)
    assert clock.now() - before >= Duration(seconds=0.02)


def test_a_sleep_until_the_past_is_over_at_once(graph) -> None:
    assert Clock().sleep_until(Time(seconds=1), graph.context)


def test_a_sleep_is_on_the_clocks_own_time(graph) -> None:
    with pytest.raises(ValueError, match="clock type"):
        Clock().sleep_until(Time(clock_type=ClockType.ROS_TIME), graph.context)


def test_a_sleep_needs_a_context() -> None:
    with pytest.raises(NotInitializedException):
        Clock().sleep_until(Time(), Context())


def slept(graph, clock: Clock, until: Time, end) -> bool:
    """What a sleep in another thread came to, once `end` has been called."""
    woken: list[bool] = []
    thread = threading.Thread(target=lambda: woken.append(clock.sleep_until(until, graph.context)))
    thread.start()
    time.sleep(0.05)
    assert woken == []
    end()
    thread.join(60.0)
    return woken[0]


def test_the_contexts_end_wakes_a_sleeper(graph) -> None:
    clock = Clock()
    assert not slept(graph, clock, clock.now() + Duration(seconds=3600), graph.context.try_shutdown)


def test_a_sleep_follows_simulated_time(graph) -> None:
    sim = SimulatedTime(graph)
    sim.set(5.0)
    until = Time(seconds=6.0, clock_type=ClockType.ROS_TIME)
    assert slept(graph, sim.clock, until, lambda: sim.set(6.0))


def test_a_change_of_the_clocks_source_wakes_a_sleeper(graph) -> None:
    sim = SimulatedTime(graph)
    sim.set(5.0)
    until = Time(seconds=6.0, clock_type=ClockType.ROS_TIME)
    assert not slept(graph, sim.clock, until, lambda: sim.node.set_parameters(WALL_TIME))


# --- jumps


def test_a_jump_callback_needs_a_threshold() -> None:
    with pytest.raises(ValueError, match="threshold"):
        JumpThreshold(min_forward=None, min_backward=None, on_clock_change=False)
    with pytest.raises(ValueError, match="positive"):
        JumpThreshold(min_forward=Duration(), min_backward=None)
    with pytest.raises(ValueError, match="negative"):
        JumpThreshold(min_forward=None, min_backward=Duration(seconds=1))


def test_a_jump_handle_needs_a_callback() -> None:
    with pytest.raises(ValueError, match="callback"):
        Clock().create_jump_callback(JumpThreshold(min_forward=None, min_backward=None))


def test_jumps_beyond_the_threshold_are_told(graph) -> None:
    sim = SimulatedTime(graph)
    sim.set(100.0)
    jumps: list[float] = []
    threshold = JumpThreshold(min_forward=Duration(seconds=10), min_backward=Duration(seconds=-5))
    handle = sim.clock.create_jump_callback(
        threshold, post_callback=lambda jump: jumps.append(jump.delta.nanoseconds / 1e9)
    )
    for seconds in (101.0, 111.0, 110.0, 105.0, 5.0, 10.0):
        sim.set(seconds)
    handle.unregister()
    assert jumps == [10.0, -5.0, -100.0]


def test_a_jump_is_told_before_and_after(graph) -> None:
    sim = SimulatedTime(graph)
    sim.set(100.0)
    told: list[tuple[str, float]] = []
    threshold = JumpThreshold(min_forward=Duration(seconds=10), min_backward=None)
    with sim.clock.create_jump_callback(
        threshold,
        pre_callback=lambda: told.append(("before", seconds_of(sim.clock))),
        post_callback=lambda jump: told.append(("after", seconds_of(sim.clock))),
    ):
        sim.set(200.0)
    assert told == [("before", 100.0), ("after", 200.0)]


def test_a_change_of_the_clocks_source_is_told(graph) -> None:
    node = graph.node("node")
    changes: list[ClockChange] = []
    threshold = JumpThreshold(min_forward=None, min_backward=None, on_clock_change=True)
    handle = node.get_clock().create_jump_callback(
        threshold, post_callback=lambda jump: changes.append(jump.clock_change)
    )
    node.set_parameters(SIM_TIME)
    node.set_parameters(WALL_TIME)
    handle.unregister()
    assert changes == [ClockChange.ROS_TIME_ACTIVATED, ClockChange.ROS_TIME_DEACTIVATED]


def test_an_unregistered_callback_is_told_nothing(graph) -> None:
    sim = SimulatedTime(graph)
    sim.set(100.0)
    jumps: list[object] = []
    threshold = JumpThreshold(min_forward=None, min_backward=Duration(seconds=-1))
    sim.clock.create_jump_callback(threshold, post_callback=jumps.append).unregister()
    sim.set(5.0)
    assert jumps == []


# --- timers


def test_a_timer_is_called_once_a_period(graph) -> None:
    calls: list[int] = []
    graph.node("node").create_timer(0.01, lambda: calls.append(time.monotonic_ns()))
    graph.spin_until(lambda: len(calls) == 5)
    # From the first call to the fifth four periods pass; a late call is not made up for.
    assert calls[-1] - calls[0] >= 4 * 10**7 - 10**7


def test_a_timer_knows_its_period(graph) -> None:
    timer = graph.node("node").create_timer(0.5, lambda: None)
    assert timer.timer_period_ns == 500_000_000
    timer.timer_period_ns = 250_000_000
    assert timer.timer_period_ns == 250_000_000


def test_a_timer_is_ready_when_its_period_is_over(graph) -> None:
    sim = SimulatedTime(graph)
    sim.set(100.0)
    node = graph.node("idle", spun=False)
    timer = node.create_timer(1.0, lambda: None, clock=sim.clock)
    assert not timer.is_ready()
    assert timer.time_until_next_call() == 10**9
    sim.set(101.5)
    assert timer.is_ready()
    assert timer.time_until_next_call() == -5 * 10**8


def test_a_timer_knows_how_long_ago_it_was_called(graph) -> None:
    sim = SimulatedTime(graph)
    sim.set(100.0)
    timer = sim.node.create_timer(1.0, lambda: None)
    sim.set(101.0)
    sim.set(101.25)
    assert timer.time_since_last_call() == 250_000_000


def test_a_canceled_timer_is_not_called(graph) -> None:
    calls: list[int] = []
    node = graph.node("node")
    timer = node.create_timer(0.001, lambda: calls.append(1))
    timer.cancel()
    others: list[int] = []
    node.create_timer(0.001, lambda: others.append(1))
    graph.spin_until(lambda: len(others) >= 5)
    assert (timer.is_canceled(), timer.is_ready(), timer.time_until_next_call(), calls) == (True, False, None, [])


def test_a_reset_timer_goes_on(graph) -> None:
    calls: list[int] = []
    timer = graph.node("node").create_timer(0.001, lambda: calls.append(1))
    timer.cancel()
    timer.reset()
    assert not timer.is_canceled()
    graph.spin_until(lambda: calls)


def test_a_reset_begins_the_period_anew(graph) -> None:
    sim = SimulatedTime(graph)
    sim.set(100.0)
    timer = sim.node.create_timer(1.0, lambda: None)
    sim.set(100.75)
    timer.reset()
    assert timer.time_until_next_call() == 10**9


def test_a_timer_may_wait_for_its_start(graph) -> None:
    calls: list[int] = []
    timer = graph.node("node").create_timer(0.001, lambda: calls.append(1), autostart=False)
    graph.executor.spin_once(timeout_sec=0.03)
    assert (timer.is_canceled(), calls) == (True, [])
    timer.reset()
    graph.spin_until(lambda: calls)


def test_a_timer_may_cancel_itself(graph) -> None:
    calls: list[int] = []
    node = graph.node("node")

    def once() -> None:
        calls.append(1)
        timer.cancel()

    timer = node.create_timer(0.001, once)
    others: list[int] = []
    node.create_timer(0.001, lambda: others.append(1))
    graph.spin_until(lambda: calls and len(others) >= 10)
    assert calls == [1]


def test_a_destroyed_timer_is_gone(graph) -> None:
    node = graph.node("node")
    timer = node.create_timer(0.001, lambda: None)
    assert node.destroy_timer(timer)
    assert not node.destroy_timer(timer)
    assert list(node.timers) == []


def test_a_timer_made_from_another_thread_wakes_the_executor(graph) -> None:
    node = graph.node("node")
    fired = threading.Event()
    thread = threading.Thread(target=graph.executor.spin, daemon=True)
    thread.start()
    node.create_timer(0.001, fired.set)
    assert fired.wait(60.0)
    graph.executor.shutdown()
    thread.join(60.0)
    assert not thread.is_alive()


def test_missed_periods_are_skipped(graph) -> None:
    sim = SimulatedTime(graph)
    sim.set(100.0)
    calls = sim.timer(1.0)
    for seconds in (100.5, 101.0, 101.5, 105.2, 105.9, 106.0):
        sim.set(seconds)
    assert calls == [101.0, 105.2, 106.0]


# --- simulated time


def test_simulated_time_stands_at_zero_until_the_clock_speaks(graph) -> None:
    clock = graph.node("node", parameter_overrides=SIM_TIME).get_clock()
    assert clock.ros_time_is_active
    assert clock.now().nanoseconds == 0


def test_simulated_time_is_what_the_clock_says(graph) -> None:
    sim = SimulatedTime(graph)
    for seconds in (7.5, 8.0, 3.0):
        sim.set(seconds)
        assert seconds_of(sim.clock) == seconds


def test_simulated_time_can_be_switched_while_running(graph) -> None:
    node = graph.node("node")
    assert node.get_clock().now().nanoseconds > 10**18
    assert node.set_parameters(SIM_TIME)[0].successful
    assert node.get_clock().now().nanoseconds == 0
    assert node.set_parameters(WALL_TIME)[0].successful
    assert node.get_clock().now().nanoseconds > 10**18


def test_simulated_time_is_on_or_off(graph) -> None:
    node = graph.node("node")
    assert not node.set_parameters([Parameter("use_sim_time", value="yes")])[0].successful


def test_timers_stand_while_simulated_time_stands(graph) -> None:
    sim = SimulatedTime(graph)
    sim.set(100.0)
    calls = sim.timer(0.001)
    for _ in range(20):
        graph.executor.spin_once(timeout_sec=0.005)
    assert calls == []
    sim.set(100.001)
    assert calls == [100.001]


def test_time_that_goes_back_restarts_timers(graph) -> None:
    sim = SimulatedTime(graph)
    sim.set(100.0)
    calls = sim.timer(1.0)
    for seconds in (101.0, 10.0, 10.5, 11.0):
        sim.set(seconds)
    assert calls == [101.0, 11.0]


def test_a_steady_timer_ignores_simulated_time(graph) -> None:
    sim = SimulatedTime(graph)
    calls: list[int] = []
    sim.node.create_timer(0.005, lambda: calls.append(1), clock=Clock(clock_type=ClockType.STEADY_TIME))
    graph.spin_until(lambda: len(calls) >= 3)


# --- rates


class Spun:
    """An executor in a thread of its own, as rates need it."""

    def __init__(self, graph) -> None:
        self.executor = graph.executor
        self.thread = threading.Thread(target=self._spin, daemon=True)

    def _spin(self) -> None:
        with suppress(ExternalShutdownException):
            self.executor.spin()

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *error: object) -> None:
        self.executor.shutdown()
        self.thread.join(60.0)
        assert not self.thread.is_alive()


def test_a_rate_returns_once_a_period(graph) -> None:
    rate = graph.node("node").create_rate(200.0)
    with Spun(graph):
        start = time.monotonic()
        for _ in range(4):
            rate.sleep()
        assert time.monotonic() - start >= 3 * 0.005 - 0.002


@pytest.mark.parametrize("frequency", [0.0, -1.0])
def test_a_rate_has_a_positive_frequency(graph, frequency: float) -> None:
    with pytest.raises(ValueError, match="frequency"):
        graph.node("node").create_rate(frequency)


def test_a_destroyed_rate_cannot_sleep(graph) -> None:
    node = graph.node("node")
    rate = node.create_rate(10.0)
    assert node.destroy_rate(rate)
    with pytest.raises(RuntimeError):
        rate.sleep()


def test_the_contexts_end_wakes_a_rate(graph) -> None:
    rate = graph.node("node").create_rate(1e-3)
    woken: list[type] = []

    def sleep() -> None:
        try:
            rate.sleep()
        except ROSInterruptException as error:
            woken.append(type(error))

    thread = threading.Thread(target=sleep, daemon=True)
    thread.start()
    time.sleep(0.05)
    graph.context.try_shutdown()
    thread.join(60.0)
    assert woken == [ROSInterruptException]


def test_a_sleep_after_the_end_of_its_period_returns_at_once(graph) -> None:
    sim = SimulatedTime(graph)
    sim.set(100.0)
    rate = sim.node.create_rate(1.0)
    sim.set(101.0)
    late, timely = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=lambda: (rate.sleep(), late.set(), rate.sleep(), timely.set()),
        daemon=True,
    )
    thread.start()
    assert late.wait(60.0)
    assert not timely.wait(0.05)
    sim.set(102.0)
    assert timely.wait(60.0)
    thread.join(60.0)


def test_a_rate_follows_simulated_time(graph) -> None:
    sim = SimulatedTime(graph)
    sim.set(100.0)
    rate = sim.node.create_rate(1.0)
    woken = threading.Event()
    thread = threading.Thread(target=lambda: (rate.sleep(), woken.set()), daemon=True)
    thread.start()
    assert not woken.wait(0.05)
    sim.set(101.0)
    assert woken.wait(60.0)
    thread.join(60.0)
