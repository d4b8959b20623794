"""`ros2-embedded topic hz|delay|bw`."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Iterator
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.time import Time

from embedded_ros.cli.argument_types import positive_integer
from embedded_ros.cli.errors import CommandError
from embedded_ros.cli.graph import absolute, add_node_arguments, command_node
from embedded_ros.cli.topic_meters import BandwidthMeter, DelayMeter, RateMeter
from embedded_ros.cli.topic_types import message_type_of

_REPORT_SECONDS = 1.0


def configure(verbs: Any) -> None:
    hz = verbs.add_parser("hz", help="a topic's publishing rate, every second")
    _add_arguments(hz, window=10000)
    hz.add_argument("--wall-time", action="store_true", help="count in this machine's time, not the simulation's")
    hz.set_defaults(run=_hz)
    delay = verbs.add_parser("delay", help="how old a topic's messages arrive, by the stamps of their headers")
    _add_arguments(delay, window=10000)
    delay.set_defaults(run=_delay)
    bandwidth = verbs.add_parser("bw", help="the bandwidth that a topic takes")
    _add_arguments(bandwidth, window=100)
    bandwidth.set_defaults(run=_bandwidth)


def _add_arguments(parser: argparse.ArgumentParser, window: int) -> None:
    parser.add_argument("topic_name")
    parser.add_argument("-w", "--window", type=positive_integer, default=window, help=f"messages to average [{window}]")
    add_node_arguments(parser)


@contextlib.contextmanager
def _measuring(options: argparse.Namespace) -> Iterator[tuple[Node, str, Any]]:
    """A node, the topic's full name and its message class, once it is there; then spins until interrupted."""
    topic = absolute(options.topic_name)
    with command_node(options) as node:
        yield node, topic, message_type_of(node, topic, options.spin_time, blocking=True)
        while rclpy.ok():
            rclpy.spin_once(node, timeout_sec=0.2)


def _show(report: str | None) -> None:
    if report is not None:
        print(report, flush=True)


def _hz(options: argparse.Namespace) -> None:
    meter = RateMeter(options.window)
    with _measuring(options) as (node, topic, message_type):

        def count(_: bytes) -> None:
            _show(meter.add(time.time_ns() if options.wall_time else node.get_clock().now().nanoseconds))

        node.create_subscription(message_type, topic, count, qos_profile_sensor_data, raw=True)


def _delay(options: argparse.Namespace) -> None:
    meter = DelayMeter(options.window)
    with _measuring(options) as (node, topic, message_type):
        if "header" not in message_type.get_fields_and_field_types():
            raise CommandError("msg does not have header")

        def measure(message: Any) -> None:
            meter.add(node.get_clock().now().nanoseconds, Time.from_msg(message.header.stamp).nanoseconds)

        node.create_subscription(message_type, topic, measure, qos_profile_sensor_data)
        node.create_timer(_REPORT_SECONDS, lambda: _show(meter.report()))


def _bandwidth(options: argparse.Namespace) -> None:
    meter = BandwidthMeter(options.window)
    with _measuring(options) as (node, topic, message_type):

        def weigh(data: bytes) -> None:
            meter.add(node.get_clock().now().nanoseconds, len(data))

        node.create_subscription(message_type, topic, weigh, qos_profile_sensor_data, raw=True)
        print(f"Subscribed to [{topic}]", flush=True)
        node.create_timer(_REPORT_SECONDS, lambda: _show(meter.report(node.get_clock().now().nanoseconds)))
