from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus

from diagnostic_updater.diagnostic_task import DiagnosticTask
from diagnostic_updater.status_wrapper import DiagnosticStatusWrapper


class Heartbeat(DiagnosticTask):
    """Always OK: that it is published says that the node lives."""

    def __init__(self) -> None:
        super().__init__("Heartbeat")

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        stat.summary(DiagnosticStatus.OK, "Alive")
        return stat
