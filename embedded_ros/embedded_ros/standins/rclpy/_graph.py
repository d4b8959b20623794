"""The ROS graph: which node owns which endpoint.

DDS discovery knows endpoints only; every ROS 2 context tells which nodes it has, and which endpoints are theirs, on the
topic `ros_discovery_info`. Contexts of this runtime do so on a topic of their own, and on that one as far as
`_graph_guard` allows.
"""

from __future__ import annotations

import threading
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from embedded_ros.interfaces import cdr
from embedded_ros.interfaces.type_hash import type_hash
from embedded_ros.transport.events import EventKind
from embedded_ros.transport.interface import Endpoint, Reader, Transport, Waiter, WireQos, Writer
from rmw_dds_common.msg import Gid, NodeEntitiesInfo, ParticipantEntitiesInfo

from ._graph_guard import MARK, GraphGuard, gid_size
from ._names import ros_type, wire_type

_TYPE = "rmw_dds_common/msg/ParticipantEntitiesInfo"
_GID_SIZE = next(iter(Gid.definition.fields)).type.capacity  # 16; 24 until Humble
_OFFICIAL_TOPIC = "ros_discovery_info"
_OWN_TOPIC = "embedded_ros/discovery_info"
_WRITER_QOS = WireQos(depth=1, transient_local=True)
# One topic for all participants, without key: only a deep history keeps one sample of each.
_READER_QOS = WireQos(depth=1000, transient_local=True)

# Prefix of the wire topic of each kind of name, and what its last part ends in.
TOPIC, REQUEST, REPLY = ("rt", ""), ("rq", "Request"), ("rr", "Reply")


class LocalNode:
    """This process's own entry for a node."""

    def __init__(self, name: str, namespace: str) -> None:
        self.name, self.namespace = name, namespace
        self.readers: list[bytes] = []
        self.writers: list[bytes] = []


class Graph:
    def __init__(self, transport: Transport, enclave: str) -> None:
        self._transport = transport
        self._enclave = enclave
        self._lock = threading.RLock()
        self._local: list[LocalNode] = []
        self._own_infos: dict[bytes, ParticipantEntitiesInfo] = {}
        self._official_infos: dict[bytes, ParticipantEntitiesInfo] = {}
        self._held = 0
        self._own_writer = self._create_writer(_OWN_TOPIC)
        self._own_reader = self._create_reader(_OWN_TOPIC)
        self._official_writer: Writer | None = None
        self._official_reader = self._create_reader(_OFFICIAL_TOPIC)
        self._guard = GraphGuard(_GID_SIZE)
        self._publish()
        readers = (self._own_reader, self._official_reader)
        self._peers_changed = [reader.events(EventKind.MATCHED) for reader in readers]
        self._waiter: Waiter = transport.create_waiter()
        for changed in self._peers_changed:
            self._waiter.attach(changed, changed)
        self._closing = False
        self._watch = threading.Thread(target=self._watch_peers, name="ros graph", daemon=True)
        self._watch.start()

    def add_node(self, name: str, namespace: str) -> LocalNode:
        node = LocalNode(name, namespace)
        with self._lock:
            self._local.append(node)
            self._publish()
        return node

    def remove_node(self, node: LocalNode) -> None:
        with self._lock:
            self._local.remove(node)
            self._publish()

    def add_endpoints(self, node: LocalNode, readers: list[bytes], writers: list[bytes]) -> None:
        with self._lock:
            node.readers += readers
            node.writers += writers
            self._publish()

    def remove_endpoints(self, node: LocalNode, gids: Container[bytes]) -> None:
        with self._lock:
            node.readers = [gid for gid in node.readers if gid not in gids]
            node.writers = [gid for gid in node.writers if gid not in gids]
            self._publish()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Tell the peers once about all that changes within."""
        with self._lock:
            self._held += 1
        try:
            yield
        finally:
            with self._lock:
                self._held -= 1
                self._publish()

    def close(self) -> None:
        self._closing = True
        self._waiter.wake()
        self._watch.join()
        self._waiter.close()
        endpoints = (self._own_reader, self._own_writer, self._official_reader, self._official_writer)
        for endpoint in filter(None, endpoints):
            endpoint.close()

    def _create_writer(self, topic: str) -> Writer:
        return self._transport.create_writer(topic, wire_type(_TYPE), _WRITER_QOS, self._user_data())

    def _create_reader(self, topic: str) -> Reader:
        return self._transport.create_reader(topic, wire_type(_TYPE), _READER_QOS, self._user_data())

    def _user_data(self) -> str:
        return f"{MARK}={_GID_SIZE};typehash={type_hash(_TYPE)};"

    def _watch_peers(self) -> None:
        while not self._closing:
            self._meet_peers()
            self._waiter.wait(None)

    def _meet_peers(self) -> None:
        """Begin or cease to announce this process's nodes to real ROS 2 contexts, as fits those that are there."""
        for changed in self._peers_changed:
            changed.take()
        peers = [*self._own_reader.matched(), *self._official_reader.matched()]
        may_announce = self._guard.may_announce(peers)
        with self._lock:
            if may_announce and self._official_writer is None:
                self._official_writer = self._create_writer(_OFFICIAL_TOPIC)
                self._publish()
            elif not may_announce and self._official_writer is not None:
                self._official_writer.close()
                self._official_writer = None

    def _publish(self) -> None:
        if self._held:
            return
        info = ParticipantEntitiesInfo(
            gid=_gid(self._transport.gid),
            node_entities_info_seq=[
                NodeEntitiesInfo(
                    node_namespace=node.namespace,
                    node_name=node.name,
                    reader_gid_seq=[_gid(gid) for gid in node.readers],
                    writer_gid_seq=[_gid(gid) for gid in node.writers],
                )
                for node in self._local
            ],
        )
        for writer in filter(None, (self._own_writer, self._official_writer)):
            writer.write(cdr.serialize(info))
        self._drain()

    def _drain(self) -> None:
        for reader, infos in (
            (self._own_reader, self._own_infos),
            (self._official_reader, self._official_infos),
        ):
            while sample := reader.take():
                sender = reader.matched_writer(sample.writer)
                if sender is None or gid_size(sender) != _GID_SIZE:
                    continue  # gone, or its nodes stay unknown: its gids cannot be read
                with suppress(cdr.CdrError):
                    info = cdr.deserialize(sample.data, ParticipantEntitiesInfo)
                    infos[_bytes(info.gid)] = info

    def _node_infos(self) -> list[NodeEntitiesInfo]:
        with self._lock:
            self._drain()
            alive = {endpoint.participant for endpoint in self._transport.writers()}
            for infos in (self._own_infos, self._official_infos):
                for gid in infos.keys() - alive:
                    del infos[gid]
            # Who announces on both topics is heard on the own one first.
            known = {**self._official_infos, **self._own_infos}
            return [node for info in known.values() for node in info.node_entities_info_seq]

    def nodes(self) -> list[tuple[str, str, str]]:
        """(name, namespace, enclave) of every node."""
        return [(node.node_name, node.node_namespace, self._enclave) for node in self._node_infos()]

    def endpoints(self, writers: bool, topic: str | None = None) -> list[Endpoint]:
        """All writers or readers, or those of one topic (of the wire's name)."""
        return self._transport.writers(topic) if writers else self._transport.readers(topic)

    def owners(self) -> dict[bytes, tuple[str, str]]:
        """gid of an endpoint → (name, namespace) of its node."""
        return {
            _bytes(gid): (node.node_name, node.node_namespace)
            for node in self._node_infos()
            for gid in (*node.reader_gid_seq, *node.writer_gid_seq)
        }

    def names_and_types(self, kind: tuple[str, str], endpoints: Iterable[Endpoint]) -> list[tuple[str, list[str]]]:
        """Names of one kind among the endpoints, sorted, each with its ROS types."""
        found: dict[str, set[str]] = {}
        for endpoint in endpoints:
            name = demangle(kind, endpoint.topic)
            if name is not None:
                found.setdefault(name, set()).add(_type_of(kind, endpoint.type_name))
        return [(name, sorted(types)) for name, types in sorted(found.items())]

    def of_node(self, name: str, namespace: str, writers: bool) -> list[Endpoint] | None:
        """The endpoints of one node; None where there is no such node."""
        if not any((n, ns) == (name, namespace) for n, ns, _ in self.nodes()):
            return None
        owners = self.owners()
        return [endpoint for endpoint in self.endpoints(writers) if owners.get(endpoint.gid) == (name, namespace)]


def mangle(kind: tuple[str, str], name: str) -> str:
    """ "/chatter" → "rt/chatter"."""
    return kind[0] + name + kind[1]


def demangle(kind: tuple[str, str], topic: str) -> str | None:
    prefix, suffix = kind
    if topic.startswith(prefix + "/") and topic.endswith(suffix):
        return topic[len(prefix) : len(topic) - len(suffix)]
    return None


def _type_of(kind: tuple[str, str], type_name: str) -> str:
    name = ros_type(type_name)
    return name.removesuffix("_Request").removesuffix("_Response") if kind is not TOPIC else name


def _gid(guid: bytes) -> Any:
    return Gid(data=np.frombuffer(guid.ljust(_GID_SIZE, b"\0"), np.uint8))


def _bytes(gid: Any) -> bytes:
    return bytes(gid.data)[:16]
