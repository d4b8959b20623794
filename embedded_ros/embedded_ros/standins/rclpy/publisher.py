"""Publishers."""

from __future__ import annotations

from typing import Any

from embedded_ros.interfaces import cdr
from embedded_ros.transport.interface import Writer

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
        writer = self._writer
        if writer is None:
            raise InvalidHandle(f"cannot publish on {self.topic}: the publisher is destroyed")
        if isinstance(msg, self.msg_type):
            writer.write(cdr.serialize(msg))  # type: ignore[arg-type]
        elif isinstance(msg, (bytes, bytearray)):
            writer.write(bytearray(msg))
        else:
            raise TypeError(f"Expected {self.msg_type}, got {type(msg)}")

    def get_subscription_count(self) -> int:
        return len(self._writer.matched()) if self._writer is not None else 0

    def assert_liveliness(self) -> None:
        """Say that this publisher lives; needed within the lease where its liveliness is MANUAL_BY_TOPIC."""
        if self._writer is None:
            raise InvalidHandle(f"cannot assert liveliness on {self.topic}: the publisher is destroyed")
        self._writer.assert_liveliness()

    def destroy(self) -> None:
        self._node.destroy_publisher(self)

    def _close(self) -> bytes:
        assert self._writer is not None
        for handler in self.event_handlers:
            handler.destroy()
        writer, self._writer = self._writer, None
        writer.close()
        return writer.gid
