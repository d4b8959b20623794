"""Which message class a topic has."""

from __future__ import annotations

import math
from typing import Any

from rclpy.node import Node

from embedded_ros.cli.errors import CommandError
from embedded_ros.cli.graph import wait_until
from embedded_ros.cli.messages import interface


def message_type_of(node: Node, topic: str, timeout: float, blocking: bool = False) -> Any:
    """The class of the topic's messages. None within `timeout` seconds: CommandError, or wait on if `blocking`."""
    types: list[str] = []

    def appeared() -> bool:
        types[:] = dict(node.get_topic_names_and_types()).get(topic, [])
        return bool(types)

    if not wait_until(appeared, timeout):
        print(f"WARNING: topic [{topic}] does not appear to be published yet", flush=True)
        if not (blocking and wait_until(appeared, math.inf)):
            raise CommandError("Could not determine the type for the passed topic")
    if len(types) > 1:
        raise CommandError(f"Cannot read topic '{topic}', as it contains more than one type: [{', '.join(types)}]")
    return interface(types[0], "msg")
