"""Wait for one message."""

from __future__ import annotations

from typing import Any

from .executors import SingleThreadedExecutor
from .qos import QoSProfile
from .task import Future


def wait_for_message(
    msg_type: Any,
    node: Any,
    topic: str,
    *,
    qos_profile: QoSProfile | int = 1,
    time_to_wait: float = -1,
) -> tuple[bool, Any]:
    """(True, message), or (False, None) when the time is over (negative: never) or the context ends."""
    future = Future()
    subscription = node.create_subscription(
        msg_type, topic, lambda message: None if future.done() else future.set_result(message), qos_profile
    )
    executor = SingleThreadedExecutor(context=node.context)
    waiter = _Only(subscription)
    try:
        executor.add_node(waiter)
        executor.spin_until_future_complete(future, None if time_to_wait < 0 else time_to_wait)
    finally:
        executor.shutdown()
        node.destroy_subscription(subscription)
    return (True, future.result()) if future.done() else (False, None)


class _Only:
    """What an executor needs of a node, with a single subscription."""

    def __init__(self, subscription: Any) -> None:
        self._subscription = subscription
        self.executor: Any = None
        self.timers: list[Any] = []
        self.guards: list[Any] = []

    def _received_entities(self) -> list[Any]:
        return [self._subscription]
