"""Messages to and from their serialized bytes."""

from __future__ import annotations

from typing import Any

from embedded_ros.interfaces import cdr


def serialize_message(message: Any) -> bytes:
    return bytes(cdr.serialize(message))


def deserialize_message(serialized_message: bytes, message_type: Any) -> Any:
    return cdr.deserialize(serialized_message, message_type)
