"""Actions: goals that take a while, with feedback on the way, a result at the end, and cancellation.

An action is three services and two topics below its name, `NAME/_action/…`: clients and servers here are made of them.
"""

from .client import ActionClient
from .graph import (
    get_action_client_names_and_types_by_node,
    get_action_names_and_types,
    get_action_server_names_and_types_by_node,
)
from .server import ActionServer, CancelResponse, GoalResponse

__all__ = [
    "ActionClient",
    "ActionServer",
    "CancelResponse",
    "GoalResponse",
    "get_action_client_names_and_types_by_node",
    "get_action_names_and_types",
    "get_action_server_names_and_types_by_node",
]
