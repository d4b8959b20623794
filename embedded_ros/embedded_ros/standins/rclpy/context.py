"""The context: one participant of the graph, with the process's ROS arguments."""

from __future__ import annotations

import atexit
import inspect
import os
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from embedded_ros.transport.choice import open_transport
from embedded_ros.transport.interface import Transport

from . import signals
from ._arguments import RosArguments
from ._graph import Graph
from .exceptions import RCLError
from .impl import rcutils_logger


class Context:
    """Lifetime of the middleware between `init` and `shutdown`; all nodes made with it end with it. Used once."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._ok = False
        self._initialized = False
        self._callbacks: list[Callable[[], Any]] = []
        self._executors: weakref.WeakSet = weakref.WeakSet()
        self._nodes: weakref.WeakSet = weakref.WeakSet()
        self._domain_id = 0
        self.arguments = RosArguments()

    def init(
        self,
        args: Sequence[str] | None = None,
        *,
        initialize_logging: bool = True,
        domain_id: int | None = None,
    ) -> None:
        """Join the domain (ROS_DOMAIN_ID unless given); `args` default to the process's."""
        with self._lock:
            if domain_id is not None and domain_id < 0:
                raise RuntimeError(f"Domain id ({domain_id}) should not be lower than zero.")
            if self._initialized:
                raise RuntimeError("Context.init() must only be called once")
            self.arguments = RosArguments.parse(sys.argv if args is None else list(args))
            self._domain_id = domain_id if domain_id is not None else _domain_from_environment()
            if initialize_logging:
                rcutils_logger.configure(self.arguments.log_levels, self.arguments.console)
            self._transport: Transport = open_transport(self._domain_id, f"enclave={self.arguments.enclave};")
            self._graph = Graph(self._transport, self.arguments.enclave)
            self._ok = self._initialized = True
            signals.contexts.add(self)

    def ok(self) -> bool:
        return self._ok

    def shutdown(self) -> None:
        if not self._initialized:
            raise RuntimeError("Context must be initialized before it can be shutdown")
        was_ok = self._ok
        self.try_shutdown()
        if not was_ok:  # by a signal, mostly; rclpy is as strict
            raise RCLError("failed to shutdown: rcl_shutdown already called on the given context; see try_shutdown()")

    def try_shutdown(self) -> None:
        """End all waits, then destroy the nodes and leave the graph."""
        self._end()
        with self._lock:
            if not self._initialized:
                return
            for executor in list(self._executors):
                executor._release()
            for node in list(self._nodes):
                node.destroy_node()
            if self._transport_open():
                self._graph.close()
                self._transport.close()
                del self._transport

    def on_shutdown(self, callback: Callable[[], Any]) -> None:
        """Call `callback` once when this context shuts down, at once where it has; keeps no method's object alive."""
        if not callable(callback):
            raise TypeError(f"callback should be a callable, got {type(callback)}")
        with self._lock:
            if not self._initialized or self._ok:
                self._callbacks = [kept for kept in self._callbacks if kept() is not None]  # not those that are gone
                self._callbacks.append(weakref.WeakMethod(callback) if inspect.ismethod(callback) else lambda: callback)
                return
        callback()

    def get_domain_id(self) -> int:
        if not self._initialized:
            raise RuntimeError("Context must be initialized before it can have a domain id")
        return self._domain_id

    def track_node(self, node: object) -> None:
        self._nodes.add(node)

    def untrack_node(self, node: object) -> None:
        self._nodes.discard(node)

    def __enter__(self) -> Context:
        self.init()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.try_shutdown()

    def _transport_open(self) -> bool:
        return hasattr(self, "_transport")

    def _end(self) -> None:
        """No longer ok: every wait returns. Entities live on until `shutdown`.

        Signal handlers call this too, between any two instructions of the main thread: an `on_shutdown` callback that
        takes a lock may wait there for that very thread.
        """
        if not self._ok:
            return
        self._ok = False
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            if (call := callback()) is not None:
                call()
        self._wake_executors()

    def _wake_executors(self) -> None:
        for executor in list(self._executors):
            executor.wake()


@atexit.register
def _leave_graph() -> None:
    """A program that ends without shutdown leaves now, not when its peers' patience (the lease, 10 s) is over."""
    for context in list(signals.contexts):
        context.try_shutdown()


def _domain_from_environment() -> int:
    given = os.environ.get("ROS_DOMAIN_ID", "") or "0"
    if not given.isdigit() or int(given) > 232:
        raise RuntimeError(f"ROS_DOMAIN_ID={given} is not a number from 0 to 232")
    return int(given)
