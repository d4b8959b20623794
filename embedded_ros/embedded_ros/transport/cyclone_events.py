"""Cyclone DDS's communication statuses as events."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import libddsc as dds
from .events import (
    Event,
    EventKind,
    IncompatibleQos,
    LivelinessChange,
    MatchChange,
    Occurrences,
    UnsupportedEventError,
)
from .libddsc import check, lib, quick

_POLICIES = {2: "DURABILITY", 4: "DEADLINE", 8: "LIVELINESS", 11: "RELIABILITY", 13: "HISTORY", 21: "LIFESPAN"}


def _occurrences(status: Any) -> Occurrences:
    return Occurrences(status.total_count, status.total_count_change)


def _match_change(status: Any) -> MatchChange:
    return MatchChange(status.total_count, status.total_count_change, status.current_count, status.current_count_change)


def _liveliness_change(status: Any) -> LivelinessChange:
    return LivelinessChange(
        status.alive_count, status.not_alive_count, status.alive_count_change, status.not_alive_count_change
    )


def _incompatible_qos(status: Any) -> IncompatibleQos:
    policy = _POLICIES.get(status.last_policy_id, "INVALID")
    return IncompatibleQos(status.total_count, status.total_count_change, policy)


@dataclass(frozen=True)
class _Status:
    """Where an event comes from: the bit in an entity's status mask, the C structure and what fills it."""

    bit: int
    structure: type[ctypes.Structure]
    get: Callable[[int, Any], int]
    to_event: Callable[[Any], Event]


OF_WRITERS = {
    EventKind.DEADLINE_MISSED: _Status(
        1 << 1, dds.CountStatus, quick.dds_get_offered_deadline_missed_status, _occurrences
    ),
    EventKind.INCOMPATIBLE_QOS: _Status(
        1 << 3, dds.IncompatibleQosStatus, quick.dds_get_offered_incompatible_qos_status, _incompatible_qos
    ),
    EventKind.LIVELINESS: _Status(1 << 9, dds.CountStatus, quick.dds_get_liveliness_lost_status, _occurrences),
    EventKind.MATCHED: _Status(1 << 11, dds.MatchedStatus, quick.dds_get_publication_matched_status, _match_change),
}

OF_READERS = {
    EventKind.DEADLINE_MISSED: _Status(
        1 << 2, dds.CountStatus, quick.dds_get_requested_deadline_missed_status, _occurrences
    ),
    EventKind.INCOMPATIBLE_QOS: _Status(
        1 << 4, dds.IncompatibleQosStatus, quick.dds_get_requested_incompatible_qos_status, _incompatible_qos
    ),
    EventKind.MESSAGE_LOST: _Status(1 << 5, dds.CountStatus, quick.dds_get_sample_lost_status, _occurrences),
    EventKind.LIVELINESS: _Status(
        1 << 10, dds.LivelinessChangedStatus, quick.dds_get_liveliness_changed_status, _liveliness_change
    ),
    EventKind.MATCHED: _Status(1 << 12, dds.MatchedStatus, quick.dds_get_subscription_matched_status, _match_change),
}


class WatchedEntity:
    """An entity and those of its statuses that wake who waits."""

    def __init__(self, entity: int) -> None:
        self.entity = entity
        self.closed = False
        self._enabled = 0
        check(quick.dds_set_status_mask(entity, 0), "watch an endpoint")

    def watch(self, bit: int) -> None:
        self._enabled |= bit
        check(quick.dds_set_status_mask(self.entity, self._enabled), "watch an endpoint")

    def unwatch(self, bit: int) -> None:
        self._enabled &= ~bit
        quick.dds_set_status_mask(self.entity, self._enabled)  # fails where the entity is deleted already: as wanted

    def delete(self) -> None:
        self.closed = True
        lib.dds_delete(self.entity)


class CycloneEventSource:
    def __init__(self, watched: WatchedEntity, kind: EventKind, statuses: dict[EventKind, _Status]) -> None:
        if kind not in statuses:
            raise UnsupportedEventError(f"DDS does not tell this endpoint of the event '{kind.value}'")
        self.watched = watched
        self._status = statuses[kind]
        self.bit = self._status.bit

    def take(self) -> Event | None:
        status = self._status.structure()
        if self._status.get(self.watched.entity, ctypes.byref(status)) < 0:
            return None
        changed = any(getattr(status, name) for name, *_ in status._fields_ if name.endswith("_change"))
        return self._status.to_event(status) if changed else None
