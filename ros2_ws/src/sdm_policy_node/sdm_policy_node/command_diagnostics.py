"""command_node on `/diagnostics`: what it does, how evenly, how old its inputs are, and what was changed or refused."""

from __future__ import annotations

import time

from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_updater import DiagnosticStatusWrapper, Updater
from rclpy.lifecycle import LifecycleNode

from sdm_policy_node.command_loop import CommandLoop
from sdm_policy_node.interlock import Interlock


class CommandDiagnostics:
    """One status a second. A latched fault is an error; a warning is what a person should look at: a pause, a stop, a
    gripper that failed, deadlines missed since the last status."""

    def __init__(self, node: LifecycleNode, interlock: Interlock) -> None:
        self._interlock = interlock
        self._loop: CommandLoop | None = None
        self._reported = 0, 0, 0.0
        updater = Updater(node)
        updater.setHardwareID("none")
        updater.add("commands", self._report)

    def watch(self, loop: CommandLoop | None) -> None:
        """From now on it is about this loop; None: the node is not active."""
        self._loop = loop
        self._reported = (loop.meter.ticks, loop.meter.missed, time.monotonic()) if loop else (0, 0, 0.0)

    def _report(self, status: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        loop, now = self._loop, time.monotonic()
        if self._interlock.fault:
            status.summary(DiagnosticStatus.ERROR, self._interlock.fault)
        elif loop is None:
            status.summary(DiagnosticStatus.OK, "not active")
        else:
            status.summary(DiagnosticStatus.OK, loop.stream.activity)
        if loop is None:
            return status
        self._add_timing(status, loop, now)
        stream, gripper = loop.stream, loop.gripper
        if stream.activity in ("paused", "stopping"):
            status.mergeSummary(DiagnosticStatus.WARN, stream.activity)
        status.add("activity", stream.activity)
        for what, age in stream.ages(now).items():
            status.add(f"age of {what} (ms)", f"{1e3 * age:.0f}")
        for what, count in (*stream.counts.items(), *loop.refused.items()):
            status.add(what, str(count))
        if gripper:
            status.add("gripper goals", str(gripper.goals))
            status.add("gripper failures", str(gripper.failures))
            if gripper.failure:
                status.mergeSummary(DiagnosticStatus.WARN, gripper.failure)
        if loop.shadow:
            status.add("shadow", loop.shadow.summary())
        return status

    def _add_timing(self, status: DiagnosticStatusWrapper, loop: CommandLoop, now: float) -> None:
        meter = loop.meter
        ticks, missed, since = self._reported
        self._reported = meter.ticks, meter.missed, now
        status.add("rate (Hz)", f"{(meter.ticks - ticks) / max(now - since, 1e-9):.1f}")
        status.add("rate wanted (Hz)", f"{1 / meter.period_s:.1f}")
        status.add("deadlines missed", str(meter.missed))
        status.add("longest period (ms)", f"{1e3 * meter.worst_s:.1f}")
        if meter.missed > missed:
            status.mergeSummary(DiagnosticStatus.WARN, f"{meter.missed - missed} deadlines missed")
