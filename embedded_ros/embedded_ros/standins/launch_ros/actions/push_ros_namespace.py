from __future__ import annotations

from typing import Any

from launch.action import Action
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions


def join_namespaces(outer: str, inner: str) -> str:
    """A namespace within another; an absolute one stands alone. Always absolute, "/" at the least."""
    joined = inner if inner.startswith("/") else f"{outer.rstrip('/')}/{inner}"
    return "/" + joined.strip("/")


class PushRosNamespace(Action):
    """Puts the nodes that follow, in the group, into a namespace."""

    def __init__(self, namespace: SomeSubstitutionsType, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.__namespace = normalize_to_list_of_substitutions(namespace)

    def execute(self, context: LaunchContext) -> None:
        namespace = perform_substitutions(context, self.__namespace)
        outer = context.launch_configurations.get("ros_namespace", "")
        if namespace:
            context.launch_configurations["ros_namespace"] = join_namespaces(outer, namespace)
