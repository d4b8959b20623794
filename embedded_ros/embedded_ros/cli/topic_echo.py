"""`ros2-embedded topic echo`."""

from __future__ import annotations

import argparse
import time
from typing import Any

import rclpy
import yaml
from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy

from embedded_ros.cli.argument_types import not_negative, positive_integer
from embedded_ros.cli.errors import CommandError
from embedded_ros.cli.graph import absolute, add_node_arguments, command_node
from embedded_ros.cli.message_text import TRUNCATE_LENGTH, TextStyle, to_csv, to_yaml
from embedded_ros.cli.messages import interface
from embedded_ros.cli.qos import add_qos_arguments, is_given, profile_of
from embedded_ros.cli.topic_types import message_type_of


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topic_name")
    parser.add_argument("message_type", nargs="?", help="needed when nobody publishes yet")
    parser.add_argument("--once", action="store_true", help="only the first message")
    parser.add_argument("--timeout", type=not_negative, metavar="N", help="end after N seconds")
    parser.add_argument("--field", help="only this field, such as pose.position")
    parser.add_argument("-f", "--full-length", action="store_true", help="long arrays and texts as a whole")
    parser.add_argument(
        "-l",
        "--truncate-length",
        type=positive_integer,
        default=TRUNCATE_LENGTH,
        help=f"what else to shorten to [{TRUNCATE_LENGTH}]",
    )
    parser.add_argument("--no-arr", action="store_true", help="only type and length of arrays")
    parser.add_argument("--no-str", action="store_true", help="only the length of texts")
    parser.add_argument("--flow-style", action="store_true", help="lists on one line")
    parser.add_argument("--csv", action="store_true", help="values separated by commas, a message a line")
    parser.add_argument("--raw", action="store_true", help="the serialized bytes")
    parser.add_argument("-i", "--include-message-info", action="store_true", help="when it was sent and received, too")
    add_qos_arguments(parser, "sensor_data")
    add_node_arguments(parser)
    parser.set_defaults(run=_echo)


class _Printer:
    """The subscription's callback."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._fields = [] if options.field is None else options.field.split(".")
        length = None if options.full_length else options.truncate_length
        self._style = TextStyle(length, options.no_arr, options.no_str, options.flow_style)
        self.shown = 0

    def __call__(self, message: Any, info: dict[str, int]) -> None:
        # One spin may deliver several messages; --once still means one.
        if not (self._options.once and self.shown):
            print(self._text(message, info), flush=True)
            self.shown += 1

    def _text(self, message: Any, info: dict[str, int]) -> str:
        for field in self._fields:
            if not hasattr(message, field):
                lacks = f"'{type(message).__name__}' object has no attribute '{field}'"
                raise CommandError(f"Invalid field '{self._options.field}': {lacks}")
            message = getattr(message, field)
        is_message = hasattr(message, "get_fields_and_field_types")
        if self._options.csv and is_message:
            extra = [str(value) for value in info.values()] if self._options.include_message_info else []
            return ",".join([*extra, to_csv(message, self._style)])
        about = yaml.safe_dump(info) + "---\n" if self._options.include_message_info else ""
        return about + (to_yaml(message, self._style) if is_message else f"{message}\n") + "---"


def _echo(options: argparse.Namespace) -> None:
    topic = absolute(options.topic_name)
    printer = _Printer(options)
    with command_node(options) as node:
        if options.message_type is None:
            message_type = message_type_of(node, topic, options.spin_time)
        else:
            message_type = interface(options.message_type, "msg")
        # Every publisher must be known before the weakest offer can be.
        time.sleep(options.spin_time)
        profile = profile_of(options)
        if not is_given(options):
            _adapt(profile, node, topic)
        node.create_subscription(message_type, topic, printer, profile, raw=options.raw)
        end = None if options.timeout is None else time.monotonic() + options.timeout
        while rclpy.ok() and not (options.once and printer.shown) and (end is None or time.monotonic() < end):
            rclpy.spin_once(node, timeout_sec=0.2)


def _adapt(profile: QoSProfile, node: Node, topic: str) -> None:
    """Ask for the most that all publishers of the topic offer."""
    offers = [info.qos_profile for info in node.get_publishers_info_by_topic(topic)]
    for policy, strong, weak in (
        ("reliability", QoSReliabilityPolicy.RELIABLE, QoSReliabilityPolicy.BEST_EFFORT),
        ("durability", QoSDurabilityPolicy.TRANSIENT_LOCAL, QoSDurabilityPolicy.VOLATILE),
    ):
        offering = sum(getattr(offer, policy) == strong for offer in offers)
        if 0 < offering < len(offers):
            kind = type(strong).__name__.removesuffix("Policy")
            print(
                f"Some, but not all, publishers are offering QoS{kind}Policy.{strong.name}. Falling back to "
                f"QoS{kind}Policy.{weak.name} as it will connect to all publishers"
            )
        if offers:
            setattr(profile, policy, strong if offering == len(offers) else weak)
