"""Serialized samples by the functions that the cyclonedds package is itself built on.

They hold the GIL, copy once more, and put XTypes information about an octet into discovery, which Fast DDS 3 compares
with its own: topics may not match there.
"""

from __future__ import annotations

import threading
import types
from dataclasses import dataclass
from functools import cache
from typing import Any

from . import libddsc as dds
from .interface import ClosedError, Sample, TransportError
from .libddsc import check

_ENCAPSULATION_SIZE = 4


class WheelSamples:
    def create_topic(self, participant: int, name: str, type_name: str) -> int:
        from cyclonedds._clayer import ddspy_topic_create

        topic = ddspy_topic_create(participant, name, _opaque_type(type_name), None, None)
        return check(topic, f"create topic {name} of type {type_name}")

    def writer(self, entity: int) -> WheelWriter:
        return WheelWriter(entity)

    def take(self, reader: int) -> Sample | None:
        from cyclonedds._clayer import ddspy_take

        while isinstance(taken := ddspy_take(reader, dds.ANY_STATE, 1), list) and taken:
            ((data, info),) = taken
            if info.valid_data:  # else it only tells that a writer has gone
                return Sample(bytearray(data), info.source_timestamp, info.publication_handle)
        return None


class WheelWriter:
    def __init__(self, entity: int) -> None:
        self._entity = entity
        self._lock = threading.Lock()
        self._closed = False

    def write(self, data: bytearray) -> None:
        from cyclonedds._clayer import ddspy_write

        if len(data) < _ENCAPSULATION_SIZE:
            raise TransportError(f"DDS cannot take a message of {len(data)} bytes")
        with self._lock:
            if self._closed:
                raise ClosedError("DDS cannot write: the writer is closed")
            check(ddspy_write(self._entity, bytes(data)), "write")

    def close(self) -> None:
        with self._lock:
            self._closed = True


@cache
def _opaque_type(type_name: str) -> Any:
    """A type of that name with a single octet, as samples are never looked into.

    DDS compares types by their members, which therefore have the type's name: else all types would match.
    """
    from cyclonedds.idl import IdlStruct
    from cyclonedds.idl.types import uint8

    members = {type_name.replace("::", "_"): uint8}
    keywords = {"typename": type_name.replace("::", ".")}
    made = dataclass(
        types.new_class("Opaque", (IdlStruct,), keywords, lambda body: body.update(__annotations__=members))
    )
    made.__idl__.populate()
    made.__idl__.fill_type_data()
    return made
