from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.clock import ROSClock

from diagnostic_updater.diagnostic_task import DiagnosticTask
from diagnostic_updater.status_wrapper import DiagnosticStatusWrapper


class FrequencyStatusParam:
    """Which frequencies are right.

    freq_bound: `{"min": …, "max": …}` in Hz, "max" may be left out; a dict, so that its owner can change it later.
    tolerance: the share by which the bounds may be missed. window_size: over how many runs events are counted.
    """

    def __init__(self, freq_bound: dict[str, float], tolerance: float = 0.1, window_size: int = 5) -> None:
        self.freq_bound = freq_bound
        self.tolerance = tolerance
        self.window_size = window_size


class _Mark(NamedTuple):
    """How many events there had been at a time."""

    nanoseconds: int
    events: int


class FrequencyStatus(DiagnosticTask):
    """Warns of events that come too seldom or too often; no event in the window is an error."""

    def __init__(self, params: FrequencyStatusParam, name: str = "FrequencyStatus") -> None:
        super().__init__(name)
        self.params = params
        self.lock = threading.Lock()
        self._clock = ROSClock()
        self.clear()

    def clear(self) -> None:
        """Begin to count anew."""
        with self.lock:
            self.count = 0
            begin = _Mark(self._clock.now().nanoseconds, 0)
            self._marks = deque([begin] * self.params.window_size, maxlen=self.params.window_size)

    def tick(self) -> None:
        """An event has happened."""
        with self.lock:
            self.count += 1

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        with self.lock:
            now, oldest, total = self._clock.now().nanoseconds, self._marks[0], self.count
            self._marks.append(_Mark(now, total))
        events, window = total - oldest.events, (now - oldest.nanoseconds) * 1e-9
        frequency = events / window if window > 0.0 else 0.0
        bound, tolerance = self.params.freq_bound, self.params.tolerance
        least, most = bound["min"] * (1 - tolerance), bound.get("max", float("inf")) * (1 + tolerance)
        if events == 0:
            stat.summary(DiagnosticStatus.ERROR, "No events in the window")
        elif frequency < least:
            stat.summary(DiagnosticStatus.WARN, "Frequency too low")
        elif frequency > most:
            stat.summary(DiagnosticStatus.WARN, "Frequency too high")
        else:
            stat.summary(DiagnosticStatus.OK, "Frequency as desired")
        stat.add("Events in window", str(events))
        stat.add("Events since startup", str(total))
        stat.add("Duration of window (s)", f"{window:f}")
        stat.add("Actual frequency (Hz)", f"{frequency:f}")
        if bound["min"] == bound.get("max"):
            stat.add("Target frequency (Hz)", f"{bound['min']:f}")
        if bound["min"] > 0:
            stat.add("Minimum acceptable frequency (Hz)", f"{least:f}")
        if "max" in bound:
            stat.add("Maximum acceptable frequency (Hz)", f"{most:f}")
        return stat
