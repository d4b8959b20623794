from __future__ import annotations

from collections.abc import Sequence

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

from diagnostic_updater.diagnostic_task import DiagnosticTaskVector, FunctionDiagnosticTask
from diagnostic_updater.status_wrapper import DiagnosticStatusWrapper

_PERIOD = "diagnostic_updater.period"
_USE_FULL_NAME = "diagnostic_updater.use_fqn"


class Updater(DiagnosticTaskVector):
    """Runs its tasks once a period (seconds) and publishes what they say, under the node's name, on `/diagnostics`.

    The parameters `diagnostic_updater.period` and `diagnostic_updater.use_fqn` (the name with its namespace) override
    the defaults at the start.
    """

    def __init__(self, node: Node, period: float = 1.0) -> None:
        super().__init__()
        self.node = node
        self.hwid = ""
        self.verbose = False
        self._warned_of_hardware_id = False
        self.publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 1)
        self._period: float = node.declare_parameter(_PERIOD, period).value
        if not node.has_parameter(_USE_FULL_NAME):
            node.declare_parameter(_USE_FULL_NAME, False)
        full = node.get_parameter(_USE_FULL_NAME).value
        self.node_name = node.get_fully_qualified_name() if full else node.get_name()
        self.timer = node.create_timer(self._period, self.update)

    @property
    def period(self) -> float:
        return self._period

    @period.setter
    def period(self, period: float) -> None:
        self._period = period
        self.node.destroy_timer(self.timer)
        self.timer = self.node.create_timer(period, self.update)

    def setHardwareID(self, hwid: str) -> None:
        """Name the device that all tasks are about; "none" where there is none."""
        self.hwid = hwid

    def update(self) -> None:
        """Run all tasks and publish what they say."""
        with self.lock:  # no task is added meanwhile
            statuses = [self._run(task) for task in self.tasks]
        if self.verbose:
            for status in statuses:
                if status.level != DiagnosticStatus.OK:
                    self.node.get_logger().warning(f"{status.name} is not OK ({status.level!r}): {status.message}")
        all_ok = all(status.level == DiagnosticStatus.OK for status in statuses)
        if all_ok and not self.hwid and not self._warned_of_hardware_id:
            self._warned_of_hardware_id = True
            self.node.get_logger().warning("diagnostics have no hardware id: call setHardwareID, with 'none' for none")
        self.publish(statuses)

    def force_update(self) -> None:
        """Update now, whatever the period."""
        self.update()

    def broadcast(self, lvl: bytes, msg: str) -> None:
        """Publish one level and message for every task."""
        statuses = [DiagnosticStatusWrapper(name=task.name) for task in self.tasks]
        for status in statuses:
            status.summary(lvl, msg)
        self.publish(statuses)

    def publish(self, msg: DiagnosticStatus | Sequence[DiagnosticStatus]) -> None:
        """Publish statuses now, with the node's name in front of theirs."""
        statuses = [msg] if isinstance(msg, DiagnosticStatus) else msg
        array = DiagnosticArray()
        array.header.stamp = self.node.get_clock().now().to_msg()
        array.status = [
            DiagnosticStatus(
                level=status.level,
                name=f"{self.node_name}: {status.name}",
                message=status.message,
                hardware_id=status.hardware_id,
                values=status.values,
            )
            for status in statuses
        ]
        self.publisher.publish(array)

    def addedTaskCallback(self, task: FunctionDiagnosticTask) -> None:
        status = DiagnosticStatusWrapper(name=task.name)
        status.summary(DiagnosticStatus.OK, "Node starting up")
        self.publish(status)

    def _run(self, task: FunctionDiagnosticTask) -> DiagnosticStatusWrapper:
        status = DiagnosticStatusWrapper(name=task.name, hardware_id=self.hwid)
        status.summary(DiagnosticStatus.ERROR, "The task set no message")
        return task.run(status)
