"""In a node's place before the sources of sensors and commands, which then hear a bag."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rclpy.impl.rcutils_logger import RcutilsLogger
from rclpy.logging import get_logger
from rclpy.serialization import deserialize_message
from rclpy.time import Time
from rosgraph_msgs.msg import Clock

from sdm_policy_node.convert.bag_message import BagMessage
from sdm_policy_node.time_stamps import to_ns

_CLOCK = "/clock"


@dataclass(frozen=True, eq=False)
class BagSubscription:
    """What a source subscribed to."""

    topic_name: str
    type: type
    callback: Callable[[Any], None]


class BagNode:
    """Takes subscriptions as a node does, and hands them what `feed` brings; there is no middleware."""

    def __init__(self, topics: Mapping[str, str]) -> None:
        """`topics`: the bag's name of a topic, by the one that is asked for; the others are in the root's namespace."""
        self._names = topics
        self._subscriptions: dict[str, list[BagSubscription]] = defaultdict(list)
        self._now_ns = 0
        self.counts: Counter[str] = Counter()
        """Messages fed of each topic that is listened to."""
        self.wrong_types: dict[str, str] = {}
        """A line for each topic whose messages are of another type, and unheard."""
        self.create_subscription(Clock, _CLOCK, self._on_clock)

    @property
    def topics(self) -> frozenset[str]:
        """The bag's names of all topics that are listened to."""
        return frozenset(self._subscriptions)

    def create_subscription(
        self, msg_type: type, topic: str, callback: Callable[[Any], None], *qos: Any, **options: Any
    ) -> BagSubscription:
        """As rclpy's; quality of service means nothing here."""
        name = self._names.get(topic) or "/" + topic.removeprefix("/")
        subscription = BagSubscription(name, msg_type, callback)
        self._subscriptions[name].append(subscription)
        return subscription

    def destroy_subscription(self, subscription: BagSubscription) -> None:
        """As rclpy's."""
        self._subscriptions[subscription.topic_name].remove(subscription)

    def get_clock(self) -> BagNode:
        """Who tells the time of the message that is being heard."""
        return self

    def now(self) -> Time:
        """The time of the bag's clock topic where it has one, or else when the message was received."""
        return Time(nanoseconds=self._now_ns)

    def get_logger(self) -> RcutilsLogger:
        """As rclpy's."""
        return get_logger("sdm_convert")

    def feed(self, message: BagMessage) -> None:
        """Calls back whoever listens to the message's topic."""
        subscriptions = self._subscriptions.get(message.topic, ())
        if not self.counts[_CLOCK]:
            self._now_ns = message.received_ns
        if not subscriptions:
            return
        expected = subscriptions[0].type
        if message.type != _type_name(expected):
            self.wrong_types[message.topic] = (
                f"{message.topic} is a {message.type}, {_type_name(expected)} expected; remap another topic to it"
            )
            return
        self.counts[message.topic] += 1
        heard = deserialize_message(message.data, expected)
        for subscription in subscriptions:
            subscription.callback(heard)

    def _on_clock(self, message: Clock) -> None:
        self._now_ns = to_ns(message.clock)


def _type_name(kind: type) -> str:
    return f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}"
