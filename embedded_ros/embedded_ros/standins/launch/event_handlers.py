from __future__ import annotations

from collections.abc import Callable
from typing import Any

from launch.action import Action
from launch.event_handler import EventHandler
from launch.events import Shutdown
from launch.events.process import ProcessExited


class OnProcessExit(EventHandler):
    """Visits `on_exit` when a process has ended: that of `target_action`, an action or a predicate (None: any)."""

    def __init__(
        self,
        *,
        target_action: Action | Callable[[Action], bool] | None = None,
        on_exit: Any,
        handle_once: bool = False,
    ) -> None:
        if target_action is not None and not isinstance(target_action, Action) and not callable(target_action):
            raise TypeError(f"OnProcessExit: target_action must be an action or a predicate, got {target_action!r}")

        def matches(event: Any) -> bool:
            if not isinstance(event, ProcessExited):
                return False
            if target_action is None:
                return True
            if isinstance(target_action, Action):
                return event.action is target_action
            return target_action(event.action)

        super().__init__(matcher=matches, entities=on_exit, handle_once=handle_once)


class OnShutdown(EventHandler):
    """Visits `on_shutdown` when the launch begins to shut down, for whatever reason."""

    def __init__(self, *, on_shutdown: Any, handle_once: bool = False) -> None:
        super().__init__(
            matcher=lambda event: isinstance(event, Shutdown), entities=on_shutdown, handle_once=handle_once
        )
