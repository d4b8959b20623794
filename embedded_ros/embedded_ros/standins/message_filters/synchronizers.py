from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable
from typing import Any

from rclpy.clock import ROSClock
from rclpy.logging import get_logger

from message_filters.filters import SimpleFilter

_NANOSECONDS = 1_000_000_000


class TimeSynchronizer(SimpleFilter):
    """Calls back with one message of each filter when all have the same stamp.

    A filter's queue keeps its `queue_size` newest stamps; matched messages leave it.
    """

    def __init__(self, fs: Iterable[SimpleFilter], queue_size: int) -> None:
        super().__init__()
        if queue_size < 1:
            raise ValueError(f"queue_size must be at least 1, got {queue_size}")
        self.queue_size = queue_size
        self.lock = threading.Lock()
        self.queues: list[dict[int, Any]] = []
        self.connectInput(fs)

    def connectInput(self, fs: Iterable[SimpleFilter]) -> None:
        filters = list(fs)
        self.queues = [{} for _ in filters]
        for i, source in enumerate(filters):
            source.registerCallback(self._receive, i)

    def _receive(self, msg: Any, index: int) -> None:
        stamp = self._stamp(msg)
        if stamp is None:
            return
        with self.lock:
            queue = self.queues[index]
            queue[stamp] = msg
            while len(queue) > self.queue_size:
                del queue[min(queue)]
            matched = self._match(index, stamp)
            if matched is None:
                return
            messages = [queue.pop(key) for queue, key in zip(self.queues, matched, strict=True)]
        self.signalMessage(*messages)

    def _stamp(self, msg: Any) -> int | None:
        """The message's time in nanoseconds; None: it cannot be used."""
        return msg.header.stamp.sec * _NANOSECONDS + msg.header.stamp.nanosec

    def _match(self, index: int, stamp: int) -> tuple[int, ...] | None:
        """The stamps, one a queue, of a complete set that holds the new message."""
        if all(stamp in queue for queue in self.queues):
            return (stamp,) * len(self.queues)
        return None


class ApproximateTimeSynchronizer(TimeSynchronizer):
    """Calls back with one message of each filter when their stamps are less than `slop` seconds apart.

    The new message's partners are the nearest to it that fit together.
    allow_headerless: messages without a header count with their time of arrival (ROS time), else they are left out.
    """

    def __init__(
        self, fs: Iterable[SimpleFilter], queue_size: int, slop: float, allow_headerless: bool = False
    ) -> None:
        super().__init__(fs, queue_size)
        self.slop = round(slop * _NANOSECONDS)
        self.allow_headerless = allow_headerless
        self._clock = ROSClock()

    def _stamp(self, msg: Any) -> int | None:
        if hasattr(msg, "header") and hasattr(msg.header, "stamp"):
            return super()._stamp(msg)
        if self.allow_headerless:
            return self._clock.now().nanoseconds
        get_logger("message_filters").warning(
            f"cannot use a {type(msg).__name__}, which has no header: see allow_headerless", once=True
        )
        return None

    def _match(self, index: int, stamp: int) -> tuple[int, ...] | None:
        def distance(key: int) -> int:
            return abs(key - stamp)

        near = [
            [stamp] if i == index else sorted((key for key in queue if distance(key) < self.slop), key=distance)
            for i, queue in enumerate(self.queues)
        ]
        return next((keys for keys in itertools.product(*near) if max(keys) - min(keys) < self.slop), None)
