"""What an endpoint can tell of besides samples: its peers coming and going, and promises that were not kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias


class EventKind(Enum):
    MATCHED = "matched"
    INCOMPATIBLE_QOS = "incompatible QoS"
    DEADLINE_MISSED = "deadline missed"
    LIVELINESS = "liveliness"
    MESSAGE_LOST = "message lost"


class UnsupportedEventError(RuntimeError):
    """The transport, or this kind of endpoint, cannot tell of such events."""


# Every `…_change` counts since the event was last taken, every other number since the endpoint was made.


@dataclass(frozen=True)
class Occurrences:
    """Deadlines missed, a writer's own liveliness lost, or messages lost."""

    total_count: int
    total_count_change: int


@dataclass(frozen=True)
class MatchChange:
    """Peers that the endpoint exchanges samples with: in all, and at present."""

    total_count: int
    total_count_change: int
    current_count: int
    current_count_change: int


@dataclass(frozen=True)
class LivelinessChange:
    """Writers that a reader hears of: those that are known to live, and those that ceased to say so."""

    alive_count: int
    not_alive_count: int
    alive_count_change: int
    not_alive_count_change: int


@dataclass(frozen=True)
class IncompatibleQos:
    """Peers that do not match; `last_policy` is the first policy in the way of the last of them ("RELIABILITY")."""

    total_count: int
    total_count_change: int
    last_policy: str


Event: TypeAlias = Occurrences | MatchChange | LivelinessChange | IncompatibleQos


class EventSource(Protocol):
    """Events of one kind at one endpoint; a `Waiter` can sleep on it."""

    def take(self) -> Event | None:
        """What has changed since it was last taken; None where nothing has, or the endpoint is closed."""
        ...
