"""The default context and small helpers."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence

from ._arguments import without_ros_arguments
from .context import Context
from .signals import install_signal_handlers, uninstall_signal_handlers

_default_context: Context | None = None
_lock = threading.Lock()


def get_default_context(*, shutting_down: bool = False) -> Context:
    global _default_context
    with _lock:
        if _default_context is None:
            _default_context = Context()
        return _default_context


def _forget_default_context() -> None:
    """Make room for a new `init()` after a shutdown."""
    global _default_context
    with _lock:
        _default_context = None


def ok(*, context: Context | None = None) -> bool:
    return (context or get_default_context()).ok()


def shutdown(*, context: Context | None = None, uninstall_handlers: bool | None = None) -> None:
    default = context is None
    (context or get_default_context(shutting_down=True)).shutdown()
    if uninstall_handlers or (uninstall_handlers is None and default):
        uninstall_signal_handlers()


def try_shutdown(*, context: Context | None = None, uninstall_handlers: bool | None = None) -> None:
    default = context is None
    (context or get_default_context(shutting_down=True)).try_shutdown()
    if uninstall_handlers or (uninstall_handlers is None and default):
        uninstall_signal_handlers()


def remove_ros_args(args: Sequence[str] | None = None) -> list[str]:
    """The arguments without what stands after `--ros-args`."""
    return without_ros_arguments(sys.argv if args is None else args)


def get_rmw_implementation_identifier() -> str:
    return "rmw_cyclonedds_cpp"


__all__ = [
    "get_default_context",
    "get_rmw_implementation_identifier",
    "install_signal_handlers",
    "ok",
    "remove_ros_args",
    "shutdown",
    "try_shutdown",
]
