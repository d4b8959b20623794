from __future__ import annotations

from launch.event import Event
from launch.events import process

__all__ = ["Shutdown", "process"]


class Shutdown(Event):
    """The launch is to end: processes are stopped, then `LaunchService.run` returns."""

    name = "launch.events.Shutdown"

    def __init__(self, *, reason: str = "reason not given", due_to_sigint: bool = False) -> None:
        self.reason = reason
        self.due_to_sigint = due_to_sigint
