from __future__ import annotations

from typing import TYPE_CHECKING

from launch.event import Event

if TYPE_CHECKING:
    from launch.actions.execute_process import ExecuteProcess


class ProcessExited(Event):
    """A process ended. `returncode` is negative for a signal, as in `subprocess`."""

    name = "launch.events.process.ProcessExited"

    def __init__(
        self, *, action: ExecuteProcess, name: str, cmd: list[str], cwd: str | None, pid: int, returncode: int
    ) -> None:
        self.action = action
        self.process_name = name
        self.cmd = cmd
        self.cwd = cwd
        self.pid = pid
        self.returncode = returncode
