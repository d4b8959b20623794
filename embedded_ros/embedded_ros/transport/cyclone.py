"""The transport over Cyclone DDS: opaque topics of serialized samples."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Hashable
from typing import Any

from . import libddsc as dds
from .cyclone_config import MOST_PROCESSES, configuration, is_full
from .cyclone_events import OF_READERS, OF_WRITERS, CycloneEventSource, WatchedEntity
from .events import EventKind
from .interface import ClosedError, Endpoint, Sample, TransportError, WireQos
from .libddsc import check, lib, quick
from .sample_route import SampleRoute, sample_route

_XCDR1 = (ctypes.c_int16 * 1)(0)
_MOST_ENDPOINTS = 4096

_domains: dict[int, tuple[int, int]] = {}  # domain id → handle, participants in it
_domains_lock = threading.Lock()


class CycloneTransport:
    """One DDS participant."""

    def __init__(self, domain_id: int, user_data: str) -> None:
        self._domain_id = domain_id
        _hold_domain(domain_id)
        qos = quick.dds_create_qos()
        quick.dds_qset_userdata(qos, user_data.encode(), len(user_data))
        code = lib.dds_create_participant(domain_id, qos, None)
        quick.dds_delete_qos(qos)
        if code < 0:
            _release_domain(domain_id)
            raise TransportError(f"DDS cannot join domain {domain_id}: {quick.dds_strretcode(code).decode()}")
        self._participant = code
        self._samples = sample_route(code)
        self.gid = _guid(self._participant)

    def create_writer(self, topic: str, type_name: str, qos: WireQos, user_data: str) -> CycloneWriter:
        entity = self._create_endpoint(lib.dds_create_writer, topic, type_name, qos, user_data)
        return CycloneWriter(entity, self._samples)

    def create_reader(self, topic: str, type_name: str, qos: WireQos, user_data: str) -> CycloneReader:
        entity = self._create_endpoint(lib.dds_create_reader, topic, type_name, qos, user_data)
        return CycloneReader(entity, self._samples)

    def create_waiter(self) -> CycloneWaiter:
        return CycloneWaiter(self._participant)

    def writers(self, topic: str | None = None) -> list[Endpoint]:
        return self._endpoints(dds.BUILTIN_PUBLICATIONS, topic)

    def readers(self, topic: str | None = None) -> list[Endpoint]:
        return self._endpoints(dds.BUILTIN_SUBSCRIPTIONS, topic)

    def close(self) -> None:
        if self._participant:
            lib.dds_delete(self._participant)
            self._participant = 0
            _release_domain(self._domain_id)

    def _create_endpoint(self, create: Any, topic: str, type_name: str, qos: WireQos, user_data: str) -> int:
        topic_handle = self._samples.create_topic(self._participant, topic, type_name)
        dds_qos = _to_dds(qos, user_data)
        try:
            return check(create(self._participant, topic_handle, dds_qos, None), f"create an endpoint of {topic}")
        finally:
            quick.dds_delete_qos(dds_qos)
            lib.dds_delete(topic_handle)  # the endpoint keeps the topic alive

    def _endpoints(self, builtin_topic: int, topic: str | None) -> list[Endpoint]:
        wanted = topic.encode() if topic is not None else None
        samples = (ctypes.c_void_p * _MOST_ENDPOINTS)()
        infos = (dds.SampleInfo * _MOST_ENDPOINTS)()
        # A reader for this look only: one that stayed would collect what has gone, too.
        reader = check(lib.dds_create_reader(self._participant, builtin_topic, None, None), "read the graph")
        count = 0
        try:
            count = check(
                quick.dds_read_mask(reader, samples, infos, _MOST_ENDPOINTS, _MOST_ENDPOINTS, dds.ALIVE_STATE),
                "read the graph",
            )
            found = (dds.BuiltinEndpoint.from_address(samples[i]) for i in range(count) if infos[i].valid_data)
            # Most of the work is in making an Endpoint: of the others only the name is looked at.
            return [_endpoint(each) for each in found if wanted in (None, each.topic_name)]
        finally:
            if count:
                quick.dds_return_loan(reader, samples, count)
            lib.dds_delete(reader)


class CycloneWriter:
    def __init__(self, entity: int, samples: SampleRoute) -> None:
        self._entity = entity
        self._watched = WatchedEntity(entity)
        self.gid = _guid(entity)
        handle = ctypes.c_uint64()
        check(quick.dds_get_instance_handle(entity, ctypes.byref(handle)), "name a writer")
        self.handle = handle.value
        self._samples = samples.writer(entity)

    def write(self, data: bytearray) -> None:
        self._samples.write(data)

    def matched(self) -> list[Endpoint]:
        return _matched(self._watched, quick.dds_get_matched_subscriptions, quick.dds_get_matched_subscription_data)

    def assert_liveliness(self) -> None:
        check(lib.dds_assert_liveliness(self._entity), "assert a writer's liveliness")

    def events(self, kind: EventKind) -> CycloneEventSource:
        return CycloneEventSource(self._watched, kind, OF_WRITERS)

    def close(self) -> None:
        self._samples.close()
        self._watched.delete()


class CycloneReader:
    bit = dds.DATA_AVAILABLE  # what a waiter watches of the reader itself

    def __init__(self, entity: int, samples: SampleRoute) -> None:
        self._entity = entity
        self._samples = samples
        self.watched = WatchedEntity(entity)
        self.gid = _guid(entity)

    def take(self) -> Sample | None:
        return self._samples.take(self._entity)

    def matched(self) -> list[Endpoint]:
        return _matched(self.watched, quick.dds_get_matched_publications, quick.dds_get_matched_publication_data)

    def matched_writer(self, handle: int) -> Endpoint | None:
        return _matched_endpoint(self._entity, handle, quick.dds_get_matched_publication_data)

    def events(self, kind: EventKind) -> CycloneEventSource:
        return CycloneEventSource(self.watched, kind, OF_READERS)

    def close(self) -> None:
        self.watched.delete()


class CycloneWaiter:
    """A wait set over entities' statuses, which are edge-triggered: each is reported once."""

    def __init__(self, participant: int) -> None:
        self._waitset = check(lib.dds_create_waitset(participant), "create a wait set")
        self._guard = check(lib.dds_create_guardcondition(participant), "create a guard condition")
        check(lib.dds_waitset_attach(self._waitset, self._guard, self._guard), "watch a guard condition")
        self._keys: dict[int, dict[int, Hashable]] = {}  # entity → status bit → key
        self._sources: dict[Hashable, CycloneReader | CycloneEventSource] = {}
        self._triggered = (ctypes.c_int64 * 64)()

    def attach(self, source: CycloneReader | CycloneEventSource, key: Hashable) -> None:
        entity = source.watched.entity
        try:
            if entity not in self._keys:
                check(lib.dds_waitset_attach(self._waitset, entity, entity), "watch an endpoint")
            source.watched.watch(source.bit)
        except TransportError:
            if source.watched.closed:
                raise ClosedError("DDS cannot watch an endpoint that is closed") from None
            raise
        self._keys.setdefault(entity, {})[source.bit] = key
        self._sources[key] = source

    def detach(self, key: Hashable) -> None:
        source = self._sources.pop(key)
        source.watched.unwatch(source.bit)
        entity = source.watched.entity
        del self._keys[entity][source.bit]
        if not self._keys[entity]:
            del self._keys[entity]
            lib.dds_waitset_detach(self._waitset, entity)

    def wait(self, timeout_s: float | None) -> list[Hashable]:
        timeout = dds.DURATION_INFINITE if timeout_s is None else max(0, int(timeout_s * 1e9))
        count = check(
            lib.dds_waitset_wait(self._waitset, self._triggered, len(self._triggered), timeout), "wait for data"
        )
        keys, status = [], ctypes.c_uint32()
        for entity in self._triggered[: min(count, len(self._triggered))]:
            if entity == self._guard:
                quick.dds_take_guardcondition(self._guard, ctypes.byref(ctypes.c_bool()))
            elif keys_by_bit := self._keys.get(entity):
                quick.dds_take_status(entity, ctypes.byref(status), sum(keys_by_bit))
                keys += [key for bit, key in keys_by_bit.items() if status.value & bit]
        return keys

    def wake(self) -> None:
        quick.dds_set_guardcondition(self._guard, True)

    def close(self) -> None:
        lib.dds_delete(self._waitset)
        lib.dds_delete(self._guard)


def _hold_domain(domain_id: int) -> None:
    with _domains_lock:
        handle, users = _domains.get(domain_id, (0, 0))
        if not users:
            handle = lib.dds_create_domain(domain_id, configuration().encode())
            if handle == dds.RETCODE_PRECONDITION_NOT_MET:
                handle = 0  # another part of the process made the domain; its settings stand
            elif handle < 0:
                raise TransportError(f"DDS cannot open domain {domain_id}: {_why_not_opened(domain_id)}")
        _domains[domain_id] = handle, users + 1


def _why_not_opened(domain_id: int) -> str:
    if is_full(domain_id):
        return (
            f"{MOST_PROCESSES} processes on this machine are in it, and no more can be; "
            "end some, or choose another ROS_DOMAIN_ID"
        )
    return "its line on stderr says why; check CYCLONEDDS_URI, and ROS_AUTOMATIC_DISCOVERY_RANGE against the network"


def _release_domain(domain_id: int) -> None:
    with _domains_lock:
        handle, users = _domains.pop(domain_id)
        if users > 1:
            _domains[domain_id] = handle, users - 1
        elif handle:
            lib.dds_delete(handle)


def _guid(entity: int) -> bytes:
    guid = dds.Guid()
    check(quick.dds_get_guid(entity, ctypes.byref(guid)), "name an entity")
    return bytes(guid.value)


def _to_dds(qos: WireQos, user_data: str) -> int:
    made = quick.dds_create_qos()
    history = (1, -1) if qos.depth == 0 else (0, qos.depth)
    quick.dds_qset_history(made, *history)
    quick.dds_qset_reliability(made, int(qos.reliable), dds.DURATION_INFINITE)
    quick.dds_qset_durability(made, int(qos.transient_local))
    if qos.transient_local:
        # Cyclone keeps late joiners' samples by the durability service's history, not by the writer's own.
        quick.dds_qset_durability_service(made, 0, *history, -1, -1, -1)
    if qos.deadline_ns is not None:
        quick.dds_qset_deadline(made, qos.deadline_ns)
    if qos.lifespan_ns is not None:
        quick.dds_qset_lifespan(made, qos.lifespan_ns)
    lease = dds.DURATION_INFINITE if qos.liveliness_lease_ns is None else qos.liveliness_lease_ns
    quick.dds_qset_liveliness(made, 2 if qos.liveliness_manual else 0, lease)
    quick.dds_qset_writer_data_lifecycle(made, False)
    quick.dds_qset_data_representation(made, 1, _XCDR1)
    quick.dds_qset_userdata(made, user_data.encode(), len(user_data))
    return made


def _from_dds(qos: int) -> WireQos:
    kind, count, duration = ctypes.c_int(), ctypes.c_int32(), ctypes.c_int64()

    def finite() -> int | None:
        return None if duration.value == dds.DURATION_INFINITE else duration.value

    depth = 1
    if quick.dds_qget_history(qos, ctypes.byref(kind), ctypes.byref(count)):
        depth = 0 if kind.value == 1 else count.value
    reliable = bool(quick.dds_qget_reliability(qos, ctypes.byref(kind), ctypes.byref(duration)) and kind.value)
    transient_local = bool(quick.dds_qget_durability(qos, ctypes.byref(kind)) and kind.value)
    deadline = finite() if quick.dds_qget_deadline(qos, ctypes.byref(duration)) else None
    lifespan = finite() if quick.dds_qget_lifespan(qos, ctypes.byref(duration)) else None
    known = quick.dds_qget_liveliness(qos, ctypes.byref(kind), ctypes.byref(duration))
    return WireQos(
        depth,
        reliable,
        transient_local,
        deadline,
        lifespan,
        bool(known and kind.value == 2),
        finite() if known else None,
    )


def _user_data(qos: int) -> dict[str, str]:
    address, size = ctypes.c_void_p(), ctypes.c_size_t()
    if not quick.dds_qget_userdata(qos, ctypes.byref(address), ctypes.byref(size)) or not address.value:
        return {}
    text = ctypes.string_at(address.value, size.value).decode(errors="replace")
    quick.dds_free(address)
    pairs = (entry.partition("=") for entry in text.split(";"))
    return {key: value for key, _, value in pairs if key}


def _endpoint(found: dds.BuiltinEndpoint) -> Endpoint:
    return Endpoint(
        bytes(found.key.value),
        bytes(found.participant_key.value),
        found.topic_name.decode(),
        found.type_name.decode(),
        _from_dds(found.qos),
        _user_data(found.qos),
    )


def _matched(watched: WatchedEntity, list_handles: Any, describe: Any) -> list[Endpoint]:
    handles = (ctypes.c_uint64 * 256)()
    count = list_handles(watched.entity, handles, len(handles))
    if watched.closed:  # perhaps by another thread, just now
        return []
    count = min(check(count, "list an endpoint's peers"), len(handles))
    found = (_matched_endpoint(watched.entity, handle, describe) for handle in handles[:count])
    return [endpoint for endpoint in found if endpoint]


def _matched_endpoint(entity: int, handle: int, describe: Any) -> Endpoint | None:
    data = describe(entity, handle)
    if not data:
        return None
    try:
        return _endpoint(data.contents)
    finally:
        quick.dds_builtintopic_free_endpoint(data)
