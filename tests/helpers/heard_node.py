"""A node whose topics a test speaks on, message by message and without middleware."""

from __future__ import annotations

from typing import Any

from rclpy.serialization import serialize_message
from sdm_policy_node.convert.bag_message import BagMessage
from sdm_policy_node.convert.bag_node import BagNode


class HeardNode(BagNode):
    """Messages pass through their wire format, as they do on a graph."""

    def __init__(self) -> None:
        super().__init__({})

    def tell(self, topic: str, message: Any, now_ns: int = 0) -> None:
        """Everybody who listens to `topic` hears the message at this time of the clock."""
        name = f"{type(message).__module__.split('.')[0]}/msg/{type(message).__name__}"
        self.feed(BagMessage(topic, name, now_ns, serialize_message(message)))
