from __future__ import annotations

from typing import Any

from launch.actions.emit_event import EmitEvent
from launch.events import Shutdown as ShutdownEvent
from launch.events.process import ProcessExited
from launch.launch_context import LaunchContext
from launch.logging import get_logger

_logger = get_logger("launch")


class Shutdown(EmitEvent):
    """Ends the whole launch; as the `on_exit` of a process it marks that process as required."""

    def __init__(self, *, reason: str = "reason not given", **kwargs: Any) -> None:
        super().__init__(event=ShutdownEvent(reason=reason), **kwargs)

    def execute(self, context: LaunchContext) -> None:
        event = context.current_event
        if isinstance(event, ProcessExited) and not context.is_shutdown:
            _logger.info("process[%s] was required: shutting down launched system", event.process_name)
            # ROS 2 answers 0 here; whoever runs a launch from a script wants to know.
            if event.returncode != 0:
                context.exit_code = 1
        super().execute(context)
