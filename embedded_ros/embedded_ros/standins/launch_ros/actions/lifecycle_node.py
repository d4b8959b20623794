from __future__ import annotations

from typing import Any

from launch.some_substitutions_type import SomeSubstitutionsType
from launch_ros.actions.node import Node


class LifecycleNode(Node):
    """A managed node: as Node, but its name and namespace must be given, since its services are called by them.

    Its transitions are the node's own affair (an `autostart` parameter) or a client's.
    """

    def __init__(self, *, name: SomeSubstitutionsType, namespace: SomeSubstitutionsType, **kwargs: Any) -> None:
        super().__init__(name=name, namespace=namespace, **kwargs)
