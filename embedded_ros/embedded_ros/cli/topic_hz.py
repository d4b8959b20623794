"""`ros2-embedded topic hz`."""

from __future__ import annotations

import argparse
import statistics
import time
from collections import deque

import rclpy
from rclpy.qos import qos_profile_sensor_data

from embedded_ros.cli.graph import absolute, add_node_arguments, command_node
from embedded_ros.cli.topic_types import message_type_of

_WINDOW = 10000
_REPORT_NS = 1_000_000_000


class RateMeter:
    """Periods between arrivals, the last `window` of them; a report for each second that has any."""

    def __init__(self, window: int) -> None:
        self._periods: deque[int] = deque(maxlen=window)
        self._newest: int | None = None
        self._reported: int | None = None

    def add(self, now_ns: int) -> str | None:
        """Count an arrival; the report, once a second, in the form of `ros2 topic hz`."""
        if self._newest is None or now_ns < self._newest:  # the first one, or the simulation starts anew
            self._periods.clear()
            self._reported = now_ns
        else:
            self._periods.append(now_ns - self._newest)
        self._newest = now_ns
        assert self._reported is not None
        if now_ns < self._reported + _REPORT_NS:
            return None
        self._reported = now_ns
        return self._report()

    def _report(self) -> str:
        seconds = [period * 1e-9 for period in self._periods]
        mean = statistics.fmean(seconds)
        return (
            f"average rate: {1.0 / mean if mean else 0.0:.3f}\n"
            f"\tmin: {min(seconds):.3f}s max: {max(seconds):.3f}s std dev: {statistics.pstdev(seconds):.5f}s "
            f"window: {len(seconds)}"
        )


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topic_name")
    parser.add_argument("-w", "--window", type=int, default=_WINDOW, help=f"messages to average over [{_WINDOW}]")
    parser.add_argument("--wall-time", action="store_true", help="count in this machine's time, not the simulation's")
    add_node_arguments(parser)
    parser.set_defaults(run=_hz)


def _hz(options: argparse.Namespace) -> None:
    topic = absolute(options.topic_name)
    meter = RateMeter(options.window)
    with command_node(options) as node:
        message_type = message_type_of(node, topic, options.spin_time, blocking=True)

        def count(_: bytes) -> None:
            now = time.time_ns() if options.wall_time else node.get_clock().now().nanoseconds
            if (report := meter.add(now)) is not None:
                print(report, flush=True)

        node.create_subscription(message_type, topic, count, qos_profile_sensor_data, raw=True)
        while rclpy.ok():
            rclpy.spin_once(node, timeout_sec=0.2)
