"""Times on /clock that no clock would tell, and clocks that threads share."""

from __future__ import annotations

import sys
import threading
import time

import rclpy
from builtin_interfaces.msg import Time as TimeMessage
from helpers.domain import own_domain
from rclpy.clock import ROSClock
from rclpy.clock_type import ClockType
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.time import Time
from rclpy.timer import Timer
from rosgraph_msgs.msg import Clock


def test_a_negative_time_is_dropped_and_named_once(capfd) -> None:
    context = Context()
    rclpy.init(args=[], context=context, domain_id=own_domain())
    sim_time = [Parameter("use_sim_time", value=True)]
    node = rclpy.create_node("node", context=context, parameter_overrides=sim_time)
    publisher = node.create_publisher(Clock, "/clock", 10)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    deadline = time.monotonic() + 60
    while not publisher.get_subscription_count() and time.monotonic() < deadline:
        executor.spin_once(timeout_sec=0.01)
    while node.get_clock().now().nanoseconds != 5 * 10**9 and time.monotonic() < deadline:
        for seconds in (-1, -2, 5):
            publisher.publish(Clock(clock=TimeMessage(sec=seconds)))
            executor.spin_once(timeout_sec=0.1)
    assert node.get_clock().now().nanoseconds == 5 * 10**9
    rclpy.try_shutdown(context=context)
    assert capfd.readouterr().err.count("negative") == 1


def test_time_moves_while_another_thread_makes_and_destroys_timers() -> None:
    clock = ROSClock()
    clock._set_ros_time_is_active(True)
    timers = [Timer(None, None, 10**9, clock) for _ in range(200)]
    ended = threading.Event()

    def make_and_destroy() -> None:
        while not ended.is_set():
            Timer(None, None, 10**9, clock).destroy()

    maker = threading.Thread(target=make_and_destroy)
    switch_interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    maker.start()
    try:
        for nanoseconds in range(1, 2001):
            clock.set_ros_time_override(Time(nanoseconds=nanoseconds, clock_type=ClockType.ROS_TIME))
    finally:
        ended.set()
        maker.join()
        sys.setswitchinterval(switch_interval)
    assert all(timer.time_until_next_call() == 10**9 - 2000 for timer in timers)
