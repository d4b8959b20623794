"""Subscriptions."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any

from embedded_ros.interfaces import cdr
from embedded_ros.transport.interface import Reader

from ._dropped_samples import DroppedSamples
from .callback_groups import CallbackGroup
from .event_handler import EventHandler
from .qos import QoSProfile


class Subscription:
    """Made by `Node.create_subscription`; the callback takes the message, or the message and a dict about it."""

    def __init__(
        self,
        node: Any,
        msg_type: type,
        topic: str,
        callback: Callable[..., Any],
        callback_group: CallbackGroup,
        qos_profile: QoSProfile,
        raw: bool,
        reader: Reader,
        event_handlers: list[EventHandler],
    ) -> None:
        self._node = node
        self.msg_type = msg_type
        self.topic = topic
        self.callback_group = callback_group
        self.qos_profile = qos_profile
        self.raw = raw
        self._reader = reader
        self.event_handlers = event_handlers
        self._closed = False
        self._dropped = DroppedSamples(node, f"a message on {topic}")
        self.callback = callback

    @property
    def topic_name(self) -> str:
        return self.topic

    @property
    def callback(self) -> Callable[..., Any]:
        return self._callback

    @callback.setter
    def callback(self, value: Callable[..., Any]) -> None:
        self._callback = value
        self._wants_info = _positional_arguments(value) == 2

    def get_publisher_count(self) -> int:
        return 0 if self._closed else len(self._reader.matched())

    def destroy(self) -> None:
        self._node.destroy_subscription(self)

    def _close(self) -> bytes:
        self._closed = True
        for handler in self.event_handlers:
            handler.destroy()
        self._reader.close()
        return self._reader.gid

    def _may_have_work(self) -> bool:
        return not self._closed

    def _take_work(self) -> Callable[[], Any] | None:
        while not self._closed and (sample := self._reader.take()) is not None:
            if self.raw:
                message: Any = bytes(sample.data)
            else:
                try:
                    message = cdr.deserialize(sample.data, self.msg_type)
                except cdr.CdrError as error:
                    self._dropped.add(error)
                    continue
            if not self._wants_info:
                return lambda: self._callback(message)
            info = {"source_timestamp": sample.source_timestamp_ns, "received_timestamp": time.time_ns()}
            return lambda: self._callback(message, info)
        return None


def _positional_arguments(function: Callable[..., Any]) -> int:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin without a signature
        return 1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters)
