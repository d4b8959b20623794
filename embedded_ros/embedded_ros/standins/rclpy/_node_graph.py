"""The graph part of `Node`: who is there, and what they have."""

from __future__ import annotations

from embedded_ros.transport.interface import Endpoint

from . import _graph, _names
from ._graph import REQUEST, TOPIC
from ._polling import wait_until
from .context import Context
from .exceptions import NodeNameNonExistentError
from .qos import QoSProfile
from .topic_endpoint_info import TopicEndpointInfo, TopicEndpointTypeEnum


class NodeGraph:
    """Questions about the graph; `Node` gives it the graph, its context and how it resolves names."""

    _graph: _graph.Graph
    _context: Context

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        raise NotImplementedError

    def resolve_service_name(self, service: str, *, only_expand: bool = False) -> str:
        raise NotImplementedError

    def get_node_names(self) -> list[str]:
        return [name for name, _, _ in self._graph.nodes()]

    def get_node_names_and_namespaces(self) -> list[tuple[str, str]]:
        return [(name, namespace) for name, namespace, _ in self._graph.nodes()]

    def get_node_names_and_namespaces_with_enclaves(self) -> list[tuple[str, str, str]]:
        return self._graph.nodes()

    def get_fully_qualified_node_names(self) -> list[str]:
        return [_names.full_node_name(name, namespace) for name, namespace, _ in self._graph.nodes()]

    def get_topic_names_and_types(self, no_demangle: bool = False) -> list[tuple[str, list[str]]]:
        everything = [*self._graph.endpoints(True), *self._graph.endpoints(False)]
        if no_demangle:
            return sorted({(endpoint.topic, (endpoint.type_name,)) for endpoint in everything})  # type: ignore[return-value]
        return self._graph.names_and_types(TOPIC, everything)

    def get_service_names_and_types(self) -> list[tuple[str, list[str]]]:
        # Clients make a service known, too.
        return self._graph.names_and_types(REQUEST, [*self._graph.endpoints(True), *self._graph.endpoints(False)])

    def get_publisher_names_and_types_by_node(
        self, node_name: str, node_namespace: str, no_demangle: bool = False
    ) -> list[tuple[str, list[str]]]:
        return self._graph.names_and_types(TOPIC, self._endpoints_of(node_name, node_namespace, True))

    def get_subscriber_names_and_types_by_node(
        self, node_name: str, node_namespace: str, no_demangle: bool = False
    ) -> list[tuple[str, list[str]]]:
        return self._graph.names_and_types(TOPIC, self._endpoints_of(node_name, node_namespace, False))

    def get_service_names_and_types_by_node(self, node_name: str, node_namespace: str) -> list[tuple[str, list[str]]]:
        return self._graph.names_and_types(REQUEST, self._endpoints_of(node_name, node_namespace, False))

    def get_client_names_and_types_by_node(self, node_name: str, node_namespace: str) -> list[tuple[str, list[str]]]:
        return self._graph.names_and_types(REQUEST, self._endpoints_of(node_name, node_namespace, True))

    def _endpoints_of(self, name: str, namespace: str, writers: bool) -> list[Endpoint]:
        found = self._graph.of_node(name, namespace, writers)
        if found is None:
            raise NodeNameNonExistentError(
                f"cannot get names of node {_names.full_node_name(name, namespace)}: no such node"
            )
        return found

    def count_publishers(self, topic_name: str) -> int:
        """How many publishers a topic has; the name is expanded, not remapped."""
        return self._count(TOPIC, self.resolve_topic_name(topic_name, only_expand=True), writers=True)

    def count_subscribers(self, topic_name: str) -> int:
        """How many subscriptions a topic has; the name is expanded, not remapped."""
        return self._count(TOPIC, self.resolve_topic_name(topic_name, only_expand=True), writers=False)

    def count_services(self, service_name: str) -> int:
        """How many servers a service has; the name is expanded, not remapped."""
        return self._count(REQUEST, self.resolve_service_name(service_name, only_expand=True), writers=False)

    def count_clients(self, service_name: str) -> int:
        """How many clients a service has; the name is expanded, not remapped."""
        return self._count(REQUEST, self.resolve_service_name(service_name, only_expand=True), writers=True)

    def _count(self, kind: tuple[str, str], name: str, writers: bool) -> int:
        return len(self._graph.endpoints(writers, _graph.mangle(kind, name)))

    def wait_for_node(self, fully_qualified_node_name: str, timeout: float) -> bool:
        """Wait until the graph has a node of that name; False when the time-out (seconds) or the context's end came."""
        wanted = "/" + fully_qualified_node_name.lstrip("/")
        return wait_until(
            lambda: wanted in self.get_fully_qualified_node_names(), self._context, timeout, period_sec=0.05
        )

    def get_publishers_info_by_topic(self, topic_name: str, no_mangle: bool = False) -> list[TopicEndpointInfo]:
        return self._endpoint_infos(topic_name, True, no_mangle)

    def get_subscriptions_info_by_topic(self, topic_name: str, no_mangle: bool = False) -> list[TopicEndpointInfo]:
        return self._endpoint_infos(topic_name, False, no_mangle)

    def _endpoint_infos(self, topic_name: str, writers: bool, no_mangle: bool) -> list[TopicEndpointInfo]:
        wanted = topic_name if no_mangle else _graph.mangle(TOPIC, self.resolve_topic_name(topic_name))
        owners = self._graph.owners()
        kind = TopicEndpointTypeEnum.PUBLISHER if writers else TopicEndpointTypeEnum.SUBSCRIPTION
        return [
            TopicEndpointInfo(
                *owners.get(endpoint.gid, ("_NODE_NAME_UNKNOWN_", "_NODE_NAMESPACE_UNKNOWN_")),
                topic_type=_names.ros_type(endpoint.type_name),
                topic_type_hash=endpoint.user_data.get("typehash", ""),
                endpoint_type=kind,
                endpoint_gid=list(endpoint.gid),
                qos_profile=QoSProfile._from_wire(endpoint.qos),
            )
            for endpoint in self._graph.endpoints(writers, wanted)
        ]
