from __future__ import annotations

import threading

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.clock import ROSClock
from rclpy.time import Time

from diagnostic_updater.diagnostic_task import DiagnosticTask
from diagnostic_updater.status_wrapper import DiagnosticStatusWrapper


class TimeStampStatusParam:
    """How old (seconds) stamps may be on arrival; a negative age lies in the future."""

    def __init__(self, min_acceptable: float = -1, max_acceptable: float = 5) -> None:
        self.min_acceptable = min_acceptable
        self.max_acceptable = max_acceptable


class TimeStampStatus(DiagnosticTask):
    """An error for stamps that are too old, in the future, or zero; a warning for none since the last run."""

    def __init__(self, params: TimeStampStatusParam | None = None, name: str = "Timestamp Status") -> None:
        super().__init__(name)
        self.params = params or TimeStampStatusParam()
        self.lock = threading.Lock()
        self._clock = ROSClock()
        self.early_count = self.late_count = self.zero_count = 0
        self._forget()

    def tick(self, stamp: Time | float) -> None:
        """A message with this stamp (seconds, or a time) has come."""
        seconds = stamp.nanoseconds * 1e-9 if isinstance(stamp, Time) else stamp
        with self.lock:
            if seconds == 0:
                self._zero_seen = True
            else:
                self._ages.append(self._clock.now().nanoseconds * 1e-9 - seconds)

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        with self.lock:
            ages, zero_seen = self._ages, self._zero_seen
            self._forget()
        youngest, oldest = (min(ages), max(ages)) if ages else (0.0, 0.0)
        stat.summary(DiagnosticStatus.OK, "Stamps are plausible")
        if not ages and not zero_seen:
            stat.summary(DiagnosticStatus.WARN, "No stamp since the last update")
        if youngest < self.params.min_acceptable:
            stat.summary(DiagnosticStatus.ERROR, "A stamp is too far in the future")
            self.early_count += 1
        if oldest > self.params.max_acceptable:
            stat.summary(DiagnosticStatus.ERROR, "A stamp is too far in the past")
            self.late_count += 1
        if zero_seen:
            stat.summary(DiagnosticStatus.ERROR, "A stamp is zero")
            self.zero_count += 1
        stat.add("Earliest timestamp delay:", f"{youngest:f}")
        stat.add("Latest timestamp delay:", f"{oldest:f}")
        stat.add("Earliest acceptable timestamp delay:", f"{self.params.min_acceptable:f}")
        stat.add("Latest acceptable timestamp delay:", f"{self.params.max_acceptable:f}")
        stat.add("Late diagnostic update count:", str(self.late_count))
        stat.add("Early diagnostic update count:", str(self.early_count))
        stat.add("Zero seen diagnostic update count:", str(self.zero_count))
        return stat

    def _forget(self) -> None:
        self._ages: list[float] = []
        self._zero_seen = False
