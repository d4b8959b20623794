from __future__ import annotations

from typing import Any

from launch.action import Action
from launch.event import Event
from launch.launch_context import LaunchContext


class EmitEvent(Action):
    """Queues an event."""

    def __init__(self, *, event: Event, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(event, Event):
            raise RuntimeError(f"EmitEvent() expected an event instance, got '{event}'")
        self.event = event

    def execute(self, context: LaunchContext) -> None:
        context.emit_event_sync(self.event)
