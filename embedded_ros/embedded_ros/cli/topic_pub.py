"""`ros2-embedded topic pub`."""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.publisher import Publisher

from embedded_ros.cli.argument_types import positive
from embedded_ros.cli.errors import CommandError
from embedded_ros.cli.graph import absolute, add_node_arguments, command_node, require_context
from embedded_ros.cli.messages import fill, interface, parse_yaml_fields
from embedded_ros.cli.qos import add_qos_arguments, profile_of

_POLL_SECONDS = 0.1


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topic_name")
    parser.add_argument("message_type", help="such as std_msgs/msg/String")
    values = parser.add_mutually_exclusive_group()
    values.add_argument("values", nargs="?", default="{}", help='the fields in YAML, such as "{data: hello}"')
    values.add_argument("--stdin", action="store_true", help="read the fields from standard input")
    parser.add_argument("-r", "--rate", type=positive, default=1.0, metavar="N", help="messages a second [1]")
    parser.add_argument("-p", "--print", type=int, default=1, metavar="N", help="print each N-th message only [1]")
    count = parser.add_mutually_exclusive_group()
    count.add_argument("-1", "--once", action="store_const", const=1, default=0, dest="times", help="one message")
    count.add_argument("-t", "--times", type=int, default=0, help="so many messages [no end]")
    parser.add_argument(
        "-w",
        "--wait-matching-subscriptions",
        type=int,
        metavar="N",
        help="subscriptions to wait for [1 with -1 and -t]",
    )
    parser.add_argument("--max-wait-time-secs", type=positive, metavar="N", help="how long to wait for them [for ever]")
    parser.add_argument(
        "--keep-alive", type=positive, default=0.1, metavar="N", help="seconds to stay after the last message [0.1]"
    )
    parser.add_argument("-n", "--node-name", help="the publishing node's name [a hidden one]")
    add_qos_arguments(parser, "default")
    add_node_arguments(parser)
    parser.set_defaults(run=_pub)


def _pub(options: argparse.Namespace) -> None:
    message = interface(options.message_type, "msg")()
    stamps = fill(message, parse_yaml_fields(sys.stdin.read() if options.stdin else options.values))
    wanted = options.wait_matching_subscriptions
    if wanted is None:
        wanted = int(options.times != 0)
    if wanted == 0 and options.max_wait_time_secs is not None:
        raise CommandError(
            "--max-wait-time-secs option is only effective with --wait-matching-subscriptions, --once or --times"
        )
    with command_node(options, options.node_name) as node:
        publisher = node.create_publisher(type(message), absolute(options.topic_name), profile_of(options))
        _wait_for_subscriptions(publisher, wanted, options.max_wait_time_secs)
        print("publisher: beginning loop")
        _publish(node, publisher, message, stamps, options)
        # The last message must reach the wire before the node leaves.
        time.sleep(options.keep_alive)


def _wait_for_subscriptions(publisher: Publisher, wanted: int, patience: float | None) -> None:
    for polls in itertools.count():
        found = publisher.get_subscription_count()
        if found >= wanted:
            return
        require_context()
        if patience is not None and polls * _POLL_SECONDS >= patience:
            raise CommandError(
                f"Timed out waiting for subscribers: Expected {wanted} subcribers but only got {found} subscribers"
            )
        if polls % 10 == 0:
            print(f"Waiting for at least {wanted} matching subscription(s)...", flush=True)
        time.sleep(_POLL_SECONDS)


def _publish(node: Node, publisher: Publisher, message: Any, stamps: list, options: argparse.Namespace) -> None:
    count = 0

    def publish() -> None:
        nonlocal count
        now = node.get_clock().now().to_msg()
        for set_stamp in stamps:
            set_stamp(now)
        count += 1
        if options.print and count % options.print == 0:
            print(f"publishing #{count}: {message!r}\n", flush=True)
        publisher.publish(message)

    publish()
    if options.times == 1:
        return
    timer = node.create_timer(1.0 / options.rate, publish)
    while rclpy.ok() and (options.times == 0 or count < options.times):
        rclpy.spin_once(node, timeout_sec=0.2)
    node.destroy_timer(timer)
