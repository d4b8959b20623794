"""rclpy's Python API over real DDS, where no ROS 2 is installed.

Nodes written against rclpy run on it unchanged. It covers what this stack's nodes use; the rest is absent, not faked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .context import Context
from .parameter import Parameter
from .signals import SignalHandlerOptions
from .task import Future
from .utilities import (
    _forget_default_context,
    get_default_context,
    get_rmw_implementation_identifier,
    install_signal_handlers,
    ok,
)
from .utilities import shutdown as _shutdown
from .utilities import try_shutdown as _try_shutdown

if TYPE_CHECKING:
    from .executors import Executor
    from .node import Node

__all__ = [
    "Context",
    "Parameter",
    "create_node",
    "get_default_context",
    "get_global_executor",
    "get_rmw_implementation_identifier",
    "init",
    "ok",
    "shutdown",
    "spin",
    "spin_once",
    "spin_until_future_complete",
    "try_shutdown",
]

_global_executor: Executor | None = None


class InitContextManager:
    """`with rclpy.init(): …` shuts down at the end of the block."""

    def __init__(self, context: Context | None) -> None:
        self._context = context

    def __enter__(self) -> InitContextManager:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try_shutdown(context=self._context)


def init(
    *,
    args: Sequence[str] | None = None,
    context: Context | None = None,
    domain_id: int | None = None,
    signal_handler_options: SignalHandlerOptions | None = None,
) -> InitContextManager:
    """Join the graph. `args` default to the process's; ROS arguments stand after `--ros-args`."""
    target = context or get_default_context()
    target.init(args, domain_id=domain_id)
    if signal_handler_options is None:
        signal_handler_options = SignalHandlerOptions.NO if context else SignalHandlerOptions.ALL
    install_signal_handlers(signal_handler_options)
    return InitContextManager(context)


def shutdown(*, context: Context | None = None, uninstall_handlers: bool | None = None) -> None:
    """Leave the graph; an error where that has happened already."""
    try:
        _shutdown(context=context, uninstall_handlers=uninstall_handlers)
    finally:
        _forget(context)


def try_shutdown(*, context: Context | None = None, uninstall_handlers: bool | None = None) -> None:
    """Leave the graph if that has not happened already."""
    _try_shutdown(context=context, uninstall_handlers=uninstall_handlers)
    _forget(context)


def create_node(node_name: str, **kwargs: Any) -> Node:
    from .node import Node

    return Node(node_name, **kwargs)


def get_global_executor() -> Executor:
    global _global_executor
    if _global_executor is None:
        from .executors import SingleThreadedExecutor

        _global_executor = SingleThreadedExecutor()
    return _global_executor


def spin(node: Node, executor: Executor | None = None) -> None:
    """Run the node's callbacks until the context is shut down (ExternalShutdownException) or the executor is."""
    used = executor or get_global_executor()
    try:
        used.add_node(node)
        used.spin()
    finally:
        used.remove_node(node)


def spin_once(node: Node, *, executor: Executor | None = None, timeout_sec: float | None = None) -> None:
    used = executor or get_global_executor()
    try:
        used.add_node(node)
        used.spin_once(timeout_sec=timeout_sec)
    finally:
        used.remove_node(node)


def spin_until_future_complete(
    node: Node, future: Future, executor: Executor | None = None, timeout_sec: float | None = None
) -> None:
    used = executor or get_global_executor()
    try:
        used.add_node(node)
        used.spin_until_future_complete(future, timeout_sec)
    finally:
        used.remove_node(node)


def _forget(context: Context | None) -> None:
    global _global_executor
    if context is None:
        _forget_default_context()
        _global_executor = None
