"""Whether a timer comes as often, and as evenly, as it should."""

from __future__ import annotations

# A tick that comes this many periods after the last one has missed its deadline.
_LATE = 1.5


class TickMeter:
    """Counts ticks and missed deadlines; times are seconds of a steady clock."""

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self.ticks = 0
        self.missed = 0
        self.worst_s = 0.0
        """The longest time between two ticks."""
        self._last: float | None = None

    def pause(self) -> None:
        """The timer ends: the time until its next tick is not measured."""
        self._last = None

    def tick(self, now: float) -> None:
        """The timer has come."""
        self.ticks += 1
        if self._last is not None:
            elapsed = now - self._last
            self.missed += elapsed > _LATE * self.period_s
            self.worst_s = max(self.worst_s, elapsed)
        self._last = now
