"""Whether a robot has been away: silent for so long that it may have been stopped, and somebody may be at it."""

from __future__ import annotations

import math

from sdm_policy_node.commands.measured_position import MeasuredPosition

# A robot's silence is over when its states have come for so long.
_BACK_S = 0.2


class Absence:
    """Watches the states that come. A few of them after a silence do not tell that the robot is back.

    By the robot's own clock: while a simulation stands, its robot says nothing, and has not ended. Times `now` are
    seconds of a steady clock, `now_ns` of the chunks' clock.
    """

    def __init__(self, measured: MeasuredPosition, after_s: float, *, simulated_clock: bool) -> None:
        """`after_s`: so long it is silent, but for moments, until it is away; 0: it never is."""
        self._measured = measured
        self._after_s = after_s
        self._simulated = simulated_clock
        self._since_s: float | None = None  # it is silent, but for moments
        self._silent_s = 0.0  # when it was last
        self._looked = math.inf
        self.away = False
        """Whether it has been, and has not come back to stay."""

    def look(self, now: float, now_ns: int) -> None:
        """To be called once a period."""
        if not self._after_s or math.isinf(self._measured.age(now)):
            return
        time_s = now_ns * 1e-9 if self._simulated else now
        looked, self._looked = self._looked, now
        if self._since_s is not None and time_s < self._since_s:  # the clock was set back
            self._since_s = self._silent_s = time_s
        if not self._measured.silent(now):
            if time_s - self._silent_s > self._measured.timeout_s + _BACK_S:
                self._since_s, self.away = None, False
        elif now - looked <= self._measured.timeout_s:  # else it is this process that was away, and states may wait
            self._silent_s = time_s
            self._since_s = time_s if self._since_s is None else self._since_s
            self.away = self.away or self._silent_s - self._since_s > self._after_s
