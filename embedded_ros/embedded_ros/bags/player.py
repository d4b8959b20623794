"""Publishes a bag's messages again, as `ros2 bag play`."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import rclpy
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader
from rosgraph_msgs.msg import Clock

from embedded_ros.interfaces.definition import InterfaceError
from embedded_ros.interfaces.message import message_class

from .errors import BagError
from .qos import to_play
from .reading import messages, offered_qos
from .topic_filter import TopicFilter

# SIGTERM does not cut a sleep short: so often the player looks whether it should end.
_LONGEST_SLEEP = 0.1
_CLOCK_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


@dataclass(frozen=True)
class Pace:
    """When messages are published.

    rate: times the recorded speed. start_offset, duration: what part of the bag, seconds of its own time.
    delay: seconds before each round. clock_rate: messages a second on /clock, 0 for none.
    """

    rate: float = 1.0
    start_offset: float = 0.0
    duration: float = math.inf
    delay: float = 0.0
    clock_rate: float = 0.0


class Player:
    """Publishes, with its node's remappings, what the recorded publishers published, with their quality of service."""

    def __init__(self, node: Node, reader: Reader, topics: TopicFilter, pace: Pace = Pace()) -> None:
        self._node = node
        self._reader = reader
        self._pace = pace
        self._clock = node.create_publisher(Clock, "/clock", _CLOCK_QOS) if pace.clock_rate else None
        self._next_clock = 0.0
        self._publishers: dict[str, Publisher] = {}
        for connection in reader.connections:
            replaced = self._clock is not None and connection.topic == "/clock"
            if topics.accepts(connection.topic) and not replaced and (publisher := self._publisher_of(connection)):
                self._publishers[connection.topic] = publisher
        if not self._publishers:
            raise BagError(f"nothing to play: bag '{reader.path}' has no such topic of a known type")

    def play(self) -> int:
        """Publish the bag once; how many messages were. Ends early with the context."""
        count = 0
        begin = self._reader.start_time + int(self._pace.start_offset * 1e9)
        started = self._next_clock = time.monotonic() + self._pace.delay
        stop = None if math.isinf(self._pace.duration) else begin + int(self._pace.duration * 1e9) + 1
        for topic, stamp, data in messages(self._reader, self._publishers, begin, stop):
            self._wait_until(stamp, started, begin)
            if not rclpy.ok(context=self._node.context):
                break
            self._publishers[topic].publish(data)
            count += 1
        return count

    def _wait_until(self, stamp: int, started: float, begin: int) -> None:
        """Sleep until a message of the bag is due, and tell the bag's time on /clock meanwhile.

        The clock is looked at for an overdue message as well, whose stamp the bag's time does not pass.
        """
        due = started + (stamp - begin) * 1e-9 / self._pace.rate
        while rclpy.ok(context=self._node.context):
            now = time.monotonic()
            wake = min(due, now + _LONGEST_SLEEP)
            if self._clock is not None:
                if now >= self._next_clock:
                    self._publish_clock(min(stamp, begin + int((now - started) * self._pace.rate * 1e9)))
                    self._next_clock = now + 1.0 / self._pace.clock_rate
                wake = min(wake, self._next_clock)
            if now >= due:
                return
            time.sleep(max(0.0, wake - now))

    def _publish_clock(self, nanoseconds: int) -> None:
        assert self._clock is not None
        self._clock.publish(Clock(clock=Time(nanoseconds=nanoseconds).to_msg()))

    def _publisher_of(self, connection: Connection) -> Publisher | None:
        logger = self._node.get_logger()
        try:
            message_type = message_class(connection.msgtype)
        except (ValueError, InterfaceError) as error:
            logger.warning(f"Topic '{connection.topic}' has type '{connection.msgtype}', unknown here: {error}")
            return None
        profile, agreed = to_play(offered_qos(connection))
        if not agreed:
            logger.warning(
                f"Publishers of '{connection.topic}' differed in quality of service; it is played with the default"
            )
        return self._node.create_publisher(message_type, connection.topic, profile)
