"""The narrow interface between the rclpy stand-in and whatever carries its bytes (DDS today, Zenoh one day).

Everything above it deals in wire topic names, type names, serialized payloads and USER_DATA; nothing in it knows ROS
nodes. All methods may be called from any thread.

Another transport implements the five classes below and joins `choice.open_transport`. What it owes them: an id of 16
bytes for the participant and for each endpoint; endpoints that match by topic, type name and QoS alone, remote and
local; samples in order of one writer, as many as a reader's depth holds, the last ones of a transient local writer for
late readers; every endpoint of the graph, with its USER_DATA, while its process lives; a wait that `wake` ends. It may
refuse kinds of events (UnsupportedEventError), and knows no services: those are two topics each (`_service_wire`).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Protocol

from .events import EventKind, EventSource


class TransportError(RuntimeError):
    """The middleware cannot start, or refuses an entity."""


class ClosedError(TransportError):
    """The entity is closed, perhaps by another thread a moment ago."""


@dataclass(frozen=True)
class WireQos:
    """Quality of service of one endpoint. Durations in nanoseconds, None for infinite; depth 0 keeps all."""

    depth: int = 10
    reliable: bool = True
    transient_local: bool = False
    deadline_ns: int | None = None
    lifespan_ns: int | None = None
    liveliness_manual: bool = False
    liveliness_lease_ns: int | None = None


@dataclass(frozen=True)
class Sample:
    """One received message: its serialized bytes, when it was sent (wall clock, ns) and by which writer."""

    data: bytearray
    source_timestamp_ns: int
    writer: int


@dataclass(frozen=True)
class Endpoint:
    """A discovered writer or reader of this or another process."""

    gid: bytes
    participant: bytes
    topic: str
    type_name: str
    qos: WireQos
    user_data: dict[str, str] = field(hash=False, default_factory=dict)


class Writer(Protocol):
    gid: bytes
    handle: int

    def write(self, data: bytearray) -> None:
        """ClosedError once `close` was called, from whatever thread."""
        ...

    def matched(self) -> list[Endpoint]:
        """The readers that receive what is written; none once it is closed."""
        ...

    def assert_liveliness(self) -> None:
        """Say that the writer lives, where its QoS leaves that to its owner."""
        ...

    def events(self, kind: EventKind) -> EventSource:
        """UnsupportedEventError where the transport cannot tell of them."""
        ...

    def close(self) -> None: ...


class Reader(Protocol):
    gid: bytes

    def take(self) -> Sample | None:
        """The oldest waiting sample, removed; None where nothing waits."""
        ...

    def matched(self) -> list[Endpoint]: ...

    def matched_writer(self, handle: int) -> Endpoint | None:
        """The writer that a sample names."""
        ...

    def events(self, kind: EventKind) -> EventSource: ...

    def close(self) -> None: ...


class Waiter(Protocol):
    """What an executor sleeps on. `wake` is the only call made from other threads while one waits."""

    def attach(self, source: Any, key: Hashable) -> None:
        """Watch a reader for samples, or an event source; ClosedError where its endpoint is closed."""
        ...

    def detach(self, key: Hashable) -> None: ...

    def wait(self, timeout_s: float | None) -> list[Any]:
        """Sleep until something comes, `wake` is called or the time is over; the keys of the sources with news."""
        ...

    def wake(self) -> None: ...

    def close(self) -> None: ...


class Transport(Protocol):
    """One participant of the graph."""

    gid: bytes

    def create_writer(self, topic: str, type_name: str, qos: WireQos, user_data: str) -> Writer: ...

    def create_reader(self, topic: str, type_name: str, qos: WireQos, user_data: str) -> Reader: ...

    def create_waiter(self) -> Waiter: ...

    def writers(self, topic: str | None = None) -> list[Endpoint]:
        """All writers known on the graph, or those of one topic, one's own included."""
        ...

    def readers(self, topic: str | None = None) -> list[Endpoint]: ...

    def close(self) -> None: ...
