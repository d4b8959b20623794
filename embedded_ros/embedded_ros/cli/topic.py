"""`ros2-embedded topic list|info|echo|hz`."""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections import deque
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy

from embedded_ros.cli.errors import CommandError
from embedded_ros.cli.graph import absolute, command_node, is_hidden, wait_for_discovery, wait_until
from embedded_ros.cli.messages import TRUNCATE_LENGTH, interface, to_yaml


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="verb", required=True)
    listing = verbs.add_parser("list", help="the names of all topics")
    listing.add_argument("-t", "--show-types", action="store_true", help="with their types")
    listing.set_defaults(run=_list)
    info = verbs.add_parser("info", help="a topic's type and how many publish and subscribe")
    info.add_argument("topic_name")
    info.set_defaults(run=_info)
    echo = verbs.add_parser("echo", help="print a topic's messages")
    echo.add_argument("topic_name")
    echo.add_argument("message_type", nargs="?", help="needed when nobody publishes yet")
    echo.add_argument("--once", action="store_true", help="only the first message")
    echo.add_argument("-f", "--full-length", action="store_true", help="long arrays and texts as a whole")
    echo.set_defaults(run=_echo)
    hz = verbs.add_parser("hz", help="a topic's publishing rate, every second")
    hz.add_argument("topic_name")
    hz.add_argument("-w", "--window", type=int, default=10000, help="messages to average over [10000]")
    hz.set_defaults(run=_hz)


def _list(options: argparse.Namespace) -> None:
    with command_node() as node:
        wait_for_discovery()
        for name, types in sorted(node.get_topic_names_and_types()):
            if not is_hidden(name):
                print(f"{name} [{', '.join(types)}]" if options.show_types else name)


def _info(options: argparse.Namespace) -> None:
    topic = absolute(options.topic_name)
    with command_node() as node:
        if not wait_until(lambda: bool(_types(node, topic)), timeout=1.0):
            raise CommandError(f"Unknown topic '{topic}'")
        wait_for_discovery()
        print(f"Type: {', '.join(_types(node, topic))}")
        print(f"Publisher count: {node.count_publishers(topic)}")
        print(f"Subscription count: {node.count_subscribers(topic)}")


def _types(node: Node, topic: str) -> list[str]:
    return dict(node.get_topic_names_and_types()).get(topic, [])


def _subscribe(node: Node, topic: str, type_name: str | None, callback) -> None:
    """Subscribe with the type and the quality of service that the topic's publishers offer."""
    if type_name is None:
        if not wait_until(lambda: bool(_types(node, topic)), timeout=1.0):
            raise CommandError(f"WARNING: topic [{topic}] does not appear to be published yet: name its type to wait")
        type_name = _types(node, topic)[0]
    message_type = interface(type_name, "msg")
    # Every publisher must be known before the weakest offer can be.
    wait_for_discovery()
    offers = [info.qos_profile for info in node.get_publishers_info_by_topic(topic)]
    reliable = all(offer.reliability == QoSReliabilityPolicy.RELIABLE for offer in offers)
    latched = bool(offers) and all(offer.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL for offer in offers)
    qos = QoSProfile(
        depth=10 if not latched else 100,
        reliability=QoSReliabilityPolicy.RELIABLE if reliable else QoSReliabilityPolicy.BEST_EFFORT,
        durability=QoSDurabilityPolicy.TRANSIENT_LOCAL if latched else QoSDurabilityPolicy.VOLATILE,
    )
    node.create_subscription(message_type, topic, callback, qos)


def _echo(options: argparse.Namespace) -> None:
    shown = 0

    def show(message: Any) -> None:
        nonlocal shown
        # One spin may deliver several messages; --once still means one.
        if not (options.once and shown):
            print(to_yaml(message, None if options.full_length else TRUNCATE_LENGTH) + "---", flush=True)
            shown += 1

    with command_node() as node:
        _subscribe(node, absolute(options.topic_name), options.message_type, show)
        while rclpy.ok() and not (options.once and shown):
            rclpy.spin_once(node, timeout_sec=0.2)


def _hz(options: argparse.Namespace) -> None:
    arrivals: deque[float] = deque(maxlen=options.window + 1)
    with command_node() as node:
        _subscribe(node, absolute(options.topic_name), None, lambda message: arrivals.append(time.perf_counter()))
        report_at, reported = time.perf_counter() + 1.0, None
        while rclpy.ok():
            rclpy.spin_once(node, timeout_sec=0.05)
            if time.perf_counter() < report_at:
                continue
            report_at += 1.0
            newest = arrivals[-1] if arrivals else None
            if len(arrivals) > 1 and newest != reported:
                print(rate_report(list(arrivals)), flush=True)
            reported = newest


def rate_report(arrivals: list[float]) -> str:
    """Mean rate and spread of the periods between arrivals (seconds), in the form of `ros2 topic hz`."""
    periods = [later - earlier for earlier, later in itertools.pairwise(arrivals)]
    mean = statistics.fmean(periods)
    return (
        f"average rate: {1.0 / mean:.3f}\n"
        f"\tmin: {min(periods):.3f}s max: {max(periods):.3f}s std dev: {statistics.pstdev(periods):.5f}s "
        f"window: {len(periods)}"
    )
