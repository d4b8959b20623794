"""Clocks, timers, rates and simulated time."""

from __future__ import annotations

import threading
import time

import pytest
from builtin_interfaces.msg import Time as TimeMessage
from rclpy.clock import Clock, ClockType, JumpThreshold, ROSClock
from rclpy.duration import Duration
from rclpy.exceptions import ROSInterruptException
from rclpy.parameter import Parameter
from rclpy.time import Time
from rclpy.timer import Rate
from rosgraph_msgs.msg import Clock as ClockMessage

SIM_TIME = [Parameter("use_sim_time", value=True)]


def clock_message(seconds: float) -> ClockMessage:
    return ClockMessage(clock=Time(seconds=seconds).to_msg())


class SimulatedTime:
    """A publisher of /clock, and a node that follows it."""

    def __init__(self, graph) -> None:
        self.graph = graph
        self.publisher = graph.node("clock").create_publisher(ClockMessage, "/clock", 10)
        self.node = graph.node("node", parameter_overrides=SIM_TIME)
        graph.spin_until(lambda: self.publisher.get_subscription_count() == 1)

    def set(self, seconds: float) -> None:
        self.publisher.publish(clock_message(seconds))
        wanted = Time(seconds=seconds).nanoseconds
        self.graph.spin_until(lambda: self.node.get_clock().now().nanoseconds == wanted)
        for _ in range(5):  # whatever the new time made ready
            self.graph.executor.spin_once(timeout_sec=0)


def test_times_and_durations_calculate() -> None:
    t = Time(seconds=1, nanoseconds=500)
    assert t.nanoseconds == 1_000_000_500
    assert t.seconds_nanoseconds() == (1, 500)
    assert (t + Duration(seconds=1)).nanoseconds == 2_000_000_500
    assert t - Time(seconds=1) == Duration(nanoseconds=500)
    assert Time.from_msg(t.to_msg(), ClockType.SYSTEM_TIME) == t
    assert Time.from_msg(TimeMessage(sec=1)).clock_type is ClockType.ROS_TIME
    assert Duration.from_msg(Duration(seconds=-1.5).to_msg()) == Duration(seconds=-1.5)
    assert Duration(seconds=1) < Duration(seconds=2) <= Duration(seconds=2)
    with pytest.raises(TypeError, match="different clock types"):
        _ = t < Time(clock_type=ClockType.ROS_TIME)
    with pytest.raises(ValueError, match="negative"):
        Time(seconds=-1)


def test_clocks_tell_their_kind_of_time() -> None:
    assert abs(Clock().now().nanoseconds - time.time_ns()) < 10**9
    assert abs(Clock(clock_type=ClockType.STEADY_TIME).now().nanoseconds - time.monotonic_ns()) < 10**9
    ros = Clock(clock_type=ClockType.ROS_TIME)
    assert isinstance(ros, ROSClock)
    assert ros.now().clock_type is ClockType.ROS_TIME
    assert not ros.ros_time_is_active


def test_a_timer_fires_each_period_and_stops_when_canceled(graph) -> None:
    calls: list[int] = []
    node = graph.node("node")
    timer = node.create_timer(0.01, lambda: calls.append(time.monotonic_ns()))
    graph.spin_until(lambda: len(calls) == 5)
    # From the first call to the fifth four periods pass; a late call is not made up for.
    assert calls[-1] - calls[0] >= 4 * 10**7 - 10**7
    timer.cancel()
    assert timer.is_canceled()
    assert timer.time_until_next_call() is None
    graph.executor.spin_once(timeout_sec=0.05)
    assert len(calls) == 5
    timer.reset()
    graph.spin_until(lambda: len(calls) == 6)
    assert node.destroy_timer(timer)
    assert list(node.timers) == []


def test_a_timer_may_wait_for_its_start(graph) -> None:
    calls: list[int] = []
    timer = graph.node("node").create_timer(0.001, lambda: calls.append(1), autostart=False)
    graph.executor.spin_once(timeout_sec=0.03)
    assert calls == []
    timer.reset()
    graph.spin_until(lambda: calls)


def test_a_timer_made_from_another_thread_wakes_the_executor(graph) -> None:
    node = graph.node("node")
    fired = threading.Event()
    thread = threading.Thread(target=graph.executor.spin, daemon=True)
    thread.start()
    node.create_timer(0.001, fired.set)
    assert fired.wait(10.0)
    graph.executor.shutdown()
    thread.join(10.0)
    assert not thread.is_alive()


def test_missed_periods_are_skipped(graph) -> None:
    sim = SimulatedTime(graph)
    calls: list[float] = []
    sim.set(100.0)
    sim.node.create_timer(1.0, lambda: calls.append(sim.node.get_clock().now().nanoseconds / 1e9))
    for seconds in (100.5, 101.0, 101.5, 105.2, 105.9, 106.0):
        sim.set(seconds)
    assert calls == [101.0, 105.2, 106.0]


def test_ros_time_stands_at_zero_until_the_clock_speaks(graph) -> None:
    node = graph.node("node", parameter_overrides=SIM_TIME)
    assert node.get_clock().ros_time_is_active
    assert node.get_clock().now().nanoseconds == 0


def test_simulated_time_can_be_switched_while_running(graph) -> None:
    node = graph.node("node")
    assert node.get_clock().now().nanoseconds > 10**18
    assert node.set_parameters(SIM_TIME)[0].successful
    assert node.get_clock().now().nanoseconds == 0
    assert node.set_parameters([Parameter("use_sim_time", value=False)])[0].successful
    assert node.get_clock().now().nanoseconds > 10**18


def test_time_that_goes_back_restarts_timers_and_tells_of_the_jump(graph) -> None:
    sim = SimulatedTime(graph)
    calls: list[float] = []
    jumps: list[float] = []
    sim.set(100.0)
    sim.node.create_timer(1.0, lambda: calls.append(sim.node.get_clock().now().nanoseconds / 1e9))
    threshold = JumpThreshold(min_forward=None, min_backward=Duration(seconds=-1))
    sim.node.get_clock().create_jump_callback(
        threshold, post_callback=lambda jump: jumps.append(jump.delta.nanoseconds / 1e9)
    )
    for seconds in (101.0, 10.0, 10.5, 11.0):
        sim.set(seconds)
    assert calls == [101.0, 11.0]
    assert jumps == [-91.0]


def test_a_steady_timer_ignores_simulated_time(graph) -> None:
    sim = SimulatedTime(graph)
    calls: list[int] = []
    sim.node.create_timer(0.005, lambda: calls.append(1), clock=Clock(clock_type=ClockType.STEADY_TIME))
    graph.spin_until(lambda: len(calls) >= 3)


def test_sleeping_follows_the_nodes_clock(graph) -> None:
    sim = SimulatedTime(graph)
    sim.set(5.0)
    woken: list[bool] = []
    clock = sim.node.get_clock()
    until = Time(seconds=6.0, clock_type=ClockType.ROS_TIME)
    thread = threading.Thread(target=lambda: woken.append(clock.sleep_until(until, graph.context)))
    thread.start()
    sim.set(5.9)
    assert woken == []
    sim.set(6.0)
    thread.join(10.0)
    assert woken == [True]


class EndsOnceChecked:
    """A context that ends between a rate's check of it and the rate's sleep."""

    def __init__(self) -> None:
        self.checks = 0

    def ok(self) -> bool:
        self.checks += 1
        if self.checks == 1:
            self.stop()
        return self.checks == 1

    def on_shutdown(self, callback) -> None:
        self.stop = callback


def test_a_rate_does_not_sleep_through_an_end_that_comes_just_before(graph) -> None:
    rate = Rate(graph.node("node").create_timer(3600.0, lambda: None), context=EndsOnceChecked())
    ended: list[type] = []

    def sleep() -> None:
        with pytest.raises(ROSInterruptException):
            rate.sleep()
        ended.append(ROSInterruptException)

    thread = threading.Thread(target=sleep, daemon=True)
    thread.start()
    thread.join(10.0)
    assert ended


def test_a_rate_returns_once_a_period_and_ends_with_the_context(graph) -> None:
    node = graph.node("node")
    thread = threading.Thread(target=graph.executor.spin, daemon=True)
    rate = node.create_rate(200.0)
    thread.start()
    start = time.monotonic()
    for _ in range(4):
        rate.sleep()
    assert time.monotonic() - start >= 3 * 0.005 - 0.002
    node.destroy_rate(rate)
    graph.executor.shutdown()
    thread.join(10.0)
