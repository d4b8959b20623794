"""Only one process may write to a robot, and only one may lead it."""

from __future__ import annotations

from collections.abc import Iterable

from rclpy.node import Node

# Where action_chunk and heartbeat are: of whoever leads the robot, and of a policy that commands inline or is in a dry
# run, whose own no robot follows.
LEADING, UNFOLLOWED = "", "policy_node/"


def other_publishers(node: Node, topics: Iterable[str]) -> str:
    """One line if somebody besides `node` publishes on one of its command topics, else empty."""
    for topic in topics:
        others = node.count_publishers(topic) - 1
        if others > 0:
            return f"{others} other publisher{'s' * (others > 1)} on {topic}; only command_node may write to the robot"
    return ""


def several_leaders(node: Node, inputs: Iterable[tuple[str, ...]]) -> str:
    """One line if more than one publishes on the topics of one input (resolved names), else empty."""
    for topics in inputs:
        count = sum(node.count_publishers(topic) for topic in topics)
        if count > 1:
            return (
                f"{count} publishers on {' and '.join(topics)}; one policy or operator may lead the robot: end the "
                "others, a killed one is forgotten by itself"
            )
    return ""
