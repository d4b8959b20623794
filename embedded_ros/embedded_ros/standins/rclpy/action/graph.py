"""Which actions the graph has: each shows by its feedback topic."""

from __future__ import annotations

from typing import Any

_NAME_ENDING, _TYPE_ENDING = "/_action/feedback", "_FeedbackMessage"


def get_action_client_names_and_types_by_node(
    node: Any, remote_node_name: str, remote_node_namespace: str
) -> list[tuple[str, list[str]]]:
    """(name, types) of the actions of which a node has a client."""
    return _actions(node.get_subscriber_names_and_types_by_node(remote_node_name, remote_node_namespace))


def get_action_server_names_and_types_by_node(
    node: Any, remote_node_name: str, remote_node_namespace: str
) -> list[tuple[str, list[str]]]:
    """(name, types) of the actions of which a node has the server."""
    return _actions(node.get_publisher_names_and_types_by_node(remote_node_name, remote_node_namespace))


def get_action_names_and_types(node: Any) -> list[tuple[str, list[str]]]:
    """(name, types) of every action on the graph."""
    return _actions(node.get_topic_names_and_types())


def _actions(topics: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    return [
        (name.removesuffix(_NAME_ENDING), [type_name.removesuffix(_TYPE_ENDING) for type_name in types])
        for name, types in topics
        if name.endswith(_NAME_ENDING)
    ]
