"""Records topics into a bag, as `ros2 bag record`."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from rclpy.node import Node
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.errors import WriterError

from embedded_ros.interfaces.definition import InterfaceError
from embedded_ros.interfaces.message import message_class
from embedded_ros.interfaces.type_hash import type_hash

from .definition_text import definition_text
from .errors import BagError
from .qos import to_bag, to_record
from .topic_filter import TopicFilter

# Nanoseconds between publication and arrival that leave no doubt that both clocks are alike.
_SAME_CLOCK = 1_000_000_000


class Recorder:
    """A context manager that subscribes, with its node, to all accepted topics and writes what arrives.

    At its end the file is closed and whole; `metadata.yaml` is written last, so a bag that has one is complete.
    Messages are written as they came, unread, with the time at which they were published, or, where the publisher's
    clock is another one, that of their arrival.
    """

    def __init__(
        self,
        node: Node,
        path: Path,
        topics: TopicFilter,
        *,
        include_hidden: bool = False,
        use_sim_time: bool = False,
    ) -> None:
        self._node = node
        self._topics = topics
        self._include_hidden = include_hidden
        self._use_sim_time = use_sim_time
        self._writer = Writer(path, version=Writer.VERSION_LATEST, storage_plugin=StoragePlugin.MCAP)
        self._found: set[str] = set()
        self.message_count = 0

    def __enter__(self) -> Recorder:
        try:
            self._writer.open()
        except (OSError, WriterError) as error:
            raise BagError(f"bag '{self._writer.path}' cannot be written: {error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _undisturbed_by_signals():
            try:
                self._writer.close()
            except OSError as failure:
                with contextlib.suppress(OSError):  # its own buffers cannot be written either
                    self._writer.abort()
                raise self._unwritable(failure) from failure

    @property
    def topics(self) -> set[str]:
        """The accepted topics that were found so far."""
        return self._found

    def discover(self) -> bool:
        """Subscribe to accepted topics that are new on the graph; whether all topics asked for by name are there."""
        for topic, types in self._node.get_topic_names_and_types():
            if topic not in self._found and self._topics.accepts(topic) and self._is_recorded(topic):
                self._found.add(topic)
                self._subscribe(topic, types)
        return self._found.issuperset(self._topics.topics)

    def _is_recorded(self, topic: str) -> bool:
        hidden = any(part.startswith("_") for part in topic.split("/"))
        wanted = not hidden or self._include_hidden or topic in self._topics.topics
        return wanted and self._node.count_publishers(topic) > 0

    def _subscribe(self, topic: str, types: list[str]) -> None:
        logger = self._node.get_logger()
        if len(types) > 1:
            logger.warning(f"Topic '{topic}' has several types, {', '.join(types)}, and is not recorded")
            return
        try:
            message_type = message_class(types[0])
            text = definition_text(types[0])
        except (ValueError, InterfaceError) as error:
            logger.warning(f"Topic '{topic}' has type '{types[0]}', unknown here, and is not recorded: {error}")
            return
        offers = [info.qos_profile for info in self._node.get_publishers_info_by_topic(topic)]
        connection = self._writer.add_connection(
            topic,
            types[0],
            msgdef=text,
            rihs01=type_hash(types[0]),
            offered_qos_profiles=[to_bag(offer) for offer in offers],
        )
        self._node.create_subscription(
            message_type,
            topic,
            lambda data, info: self._write(connection, data, info),
            to_record(offers),
            raw=True,
        )
        logger.info(f"Subscribed to topic '{topic}'")

    def _write(self, connection: Connection, data: bytes, info: dict[str, int]) -> None:
        if self._use_sim_time:
            stamp = self._node.get_clock().now().nanoseconds
            if stamp == 0:
                return  # no /clock yet
        else:
            stamp = _time_of(info["source_timestamp"], info["received_timestamp"])
        try:
            self._writer.write(connection, stamp, data)
        except OSError as error:
            raise self._unwritable(error) from error
        self.message_count += 1

    def _unwritable(self, error: OSError) -> BagError:
        return BagError(f"bag '{self._writer.path}' cannot be written: {error.strerror}; what it holds is incomplete")


def _time_of(published: int, received: int) -> int:
    """Messages of several topics that wait for a busy recorder are taken in any order: their own times keep it."""
    return published if abs(received - published) < _SAME_CLOCK else received


@contextlib.contextmanager
def _undisturbed_by_signals() -> Iterator[None]:
    """A second Ctrl-C must not cut a file off while it is closed."""
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
