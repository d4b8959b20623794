"""Only one process may write to a robot."""

from __future__ import annotations

from collections.abc import Iterable

from rclpy.node import Node


def other_publishers(node: Node, topics: Iterable[str]) -> str:
    """One line if somebody besides `node` publishes on one of its command topics, else empty."""
    for topic in topics:
        others = node.count_publishers(topic) - 1
        if others > 0:
            return f"{others} other publisher{'s' * (others > 1)} on {topic}; only command_node may write to the robot"
    return ""
