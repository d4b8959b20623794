"""command_node on `/diagnostics`: what it does, how evenly, how old its inputs are, and what was changed or refused."""

from __future__ import annotations

import time

from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_updater import DiagnosticStatusWrapper, Updater
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode

from sdm_policy_node.commands.command_loop import CommandLoop
from sdm_policy_node.commands.interlock import Interlock

_PERIOD_S = 0.4
# So soon a change of activity, fault or pause is told.
_CHANGE_PERIOD_S = 0.05


class CommandDiagnostics:
    """A status every 0.4 s, and at once where activity, fault or pause change.

    A latched fault is an error; a warning is what a person should look at: a pause, a stop, a gripper that failed,
    deadlines missed of late.
    """

    def __init__(self, node: LifecycleNode, interlock: Interlock) -> None:
        self._interlock = interlock
        self._loop: CommandLoop | None = None
        self._updater = Updater(node, _PERIOD_S)
        self._updater.setHardwareID("none")
        self._updater.add("commands", self._report)
        self.watch(None)
        self._told = self._condition()
        node.create_timer(_CHANGE_PERIOD_S, self._tell_changes, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def watch(self, loop: CommandLoop | None) -> None:
        """From now on it is about this loop; None: the node is not active."""
        self._loop = loop
        self._counted = (loop.meter.ticks, loop.meter.missed, time.monotonic()) if loop else (0, 0, 0.0)
        self._rate_hz, self._missed = 0.0, 0

    def _condition(self) -> tuple[str, str, bool]:
        """Activity, fault, and whether a human has paused it."""
        activity = self._loop.stream.activity if self._loop else "inactive"
        return activity, self._interlock.fault, self._interlock.paused

    def _tell_changes(self) -> None:
        if self._condition() != self._told:
            self._updater.force_update()

    def _report(self, status: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        loop, now = self._loop, time.monotonic()
        self._told = activity, fault, paused = self._condition()
        if fault:
            status.summary(DiagnosticStatus.ERROR, fault)
        else:
            status.summary(DiagnosticStatus.OK, activity)
        status.add("activity", activity)
        status.add("latched fault", fault)
        status.add("pause in force", str(paused))
        if loop is None:
            return status
        status.add("dry run", str(loop.dry_run))
        self._add_timing(status, loop, now)
        stream, gripper = loop.stream, loop.gripper
        if activity in ("paused", "stopping"):
            status.mergeSummary(DiagnosticStatus.WARN, activity)
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
        ticks, missed, since = self._counted
        if now - since > _PERIOD_S / 2:  # what is told at once is too soon for a rate of its own
            self._rate_hz, self._missed = (meter.ticks - ticks) / (now - since), meter.missed - missed
            self._counted = meter.ticks, meter.missed, now
        status.add("rate (Hz)", f"{self._rate_hz:.1f}")
        status.add("rate wanted (Hz)", f"{1 / meter.period_s:.1f}")
        status.add("deadlines missed", str(meter.missed))
        status.add("longest period (ms)", f"{1e3 * meter.worst_s:.1f}")
        if self._missed:
            status.mergeSummary(DiagnosticStatus.WARN, f"{self._missed} deadlines missed")
