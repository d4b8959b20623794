"""The ROS graph: which node owns which endpoint.

DDS discovery knows endpoints only; every ROS 2 context tells which nodes it has, and which endpoints are theirs, on the
topic `ros_discovery_info`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from embedded_ros.interfaces import cdr
from embedded_ros.transport.interface import Endpoint, Transport, WireQos
from rmw_dds_common.msg import Gid, NodeEntitiesInfo, ParticipantEntitiesInfo

from ._names import ros_type, wire_type

_TOPIC = "ros_discovery_info"
_TYPE = wire_type("rmw_dds_common/msg/ParticipantEntitiesInfo")
_GID_SIZE = next(iter(Gid.definition.fields)).type.capacity  # 16; 24 until Humble

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
        self._participants: dict[bytes, ParticipantEntitiesInfo] = {}
        self._held = 0
        self._writer = transport.create_writer(_TOPIC, _TYPE, WireQos(depth=1, transient_local=True), "")
        # One topic for all participants, without key: only a deep history keeps one sample of each.
        self._reader = transport.create_reader(_TOPIC, _TYPE, WireQos(depth=1000, transient_local=True), "")
        self._publish()

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

    def changed(self) -> None:
        with self._lock:
            self._publish()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Tell the peers once about all that changes within."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            self.changed()

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

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
        self._writer.write(cdr.serialize(info))
        self._drain()

    def _drain(self) -> None:
        while sample := self._reader.take():
            with suppress(cdr.CdrError):  # a peer of another Gid size; its nodes stay unknown
                info = cdr.deserialize(sample.data, ParticipantEntitiesInfo)
                self._participants[_bytes(info.gid)] = info

    def _node_infos(self) -> Iterator[NodeEntitiesInfo]:
        with self._lock:
            self._drain()
            alive = {endpoint.participant for endpoint in self._transport.writers()}
            for gid in list(self._participants):
                if gid not in alive:
                    del self._participants[gid]
            yield from [node for info in self._participants.values() for node in info.node_entities_info_seq]

    def nodes(self) -> list[tuple[str, str, str]]:
        """(name, namespace, enclave) of every node."""
        return [(node.node_name, node.node_namespace, self._enclave) for node in self._node_infos()]

    def endpoints(self, writers: bool) -> list[Endpoint]:
        return self._transport.writers() if writers else self._transport.readers()

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
