"""Publishers."""

from __future__ import annotations

from typing import Any

from embedded_ros.interfaces import cdr
from embedded_ros.transport.interface import ClosedError, Writer

from .event_handler import EventHandler
from .exceptions import InvalidHandle
from .qos import QoSProfile


class Publisher:
    """Made by `Node.create_publisher`."""

    def __init__(
        self,
        node: Any,
        msg_type: type,
        topic: str,
        qos_profile: QoSProfile,
        writer: Writer,
        event_handlers: list[EventHandler],
    ) -> None:
        self._node = node
        self.msg_type = msg_type
        self.topic = topic
        self.qos_profile = qos_profile
        self._writer: Writer | None = writer
        self.event_handlers = event_handlers

    @property
    def topic_name(self) -> str:
        return self.topic

    def publish(self, msg: Any) -> None:
        """Send a message, or the serialized bytes of one."""
        if isinstance(msg, self.msg_type):
            data = cdr.serialize(msg)
        elif isinstance(msg, (bytes, bytearray)):
            data = bytearray(msg)
        else:
            raise TypeError(f"Expected {self.msg_type}, got {type(msg)}")
        try:
            self._open_writer().write(data)
        except ClosedError:  # by another thread, a moment ago
            raise self._destroyed() from None

    def get_subscription_count(self) -> int:
        return len(self._writer.matched()) if self._writer is not None else 0

    def assert_liveliness(self) -> None:
        """Say that this publisher lives; needed within the lease where its liveliness is MANUAL_BY_TOPIC."""
        self._open_writer().assert_liveliness()

    def destroy(self) -> None:
        self._node.destroy_publisher(self)

    def _open_writer(self) -> Writer:
        if (writer := self._writer) is None:
            raise self._destroyed()
        return writer

    def _destroyed(self) -> InvalidHandle:
        return InvalidHandle(f"the publisher on {self.topic} is destroyed")

    def _close(self) -> bytes:
        assert self._writer is not None
        for handler in self.event_handlers:
            handler.destroy()
        writer, self._writer = self._writer, None
        writer.close()
        return writer.gid
