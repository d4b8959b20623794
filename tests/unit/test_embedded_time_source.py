"""Times on /clock that no clock would tell."""

from __future__ import annotations

import time

import rclpy
from builtin_interfaces.msg import Time as TimeMessage
from helpers.domain import own_domain
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
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
