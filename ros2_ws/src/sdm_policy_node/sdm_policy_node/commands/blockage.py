"""Whether a robot stands though it is led away: stopped by its own safety, or blocked."""

from __future__ import annotations

import math

from sdm_policy_node.commands.measured_position import MeasuredPosition

# A robot that stays so near to a place stands (m, or rad of a joint; rad of a turn): more than the noise of its
# sensors, less than the slowest motion makes in the seconds that are asked about.
_STANDS, _STANDS_TURN = 0.002, 0.01
# A command farther off than this leads it away; nearer ones are a policy's that rests, where friction and load leave a
# soft arm short of it.
_LEADS, _LEADS_TURN = 0.012, 0.06
# Who plans anew from the measured place brings the command back there each time: it has led away as long as it was far
# once in so many seconds.
_REPLANS_S = 1.0

MAY_PUSH = ", and may still push: stop it by its own means, and call ~/pause before ~/reset_fault"
"""What follows a fault of a robot that is not where it was told: an impedance controller keeps its last target."""


class Blockage:
    """Tells a robot that does not move from a policy that rests, by the place and the command of each period.

    The command's distance alone cannot: whoever plans from where a stopped robot is measured never leads it far away,
    and lets it go at once when it is free again. Times are seconds of a steady clock.
    """

    def __init__(self, measured: MeasuredPosition, after_s: float) -> None:
        """`after_s`: so long it stands until that is a blockage; 0: it never is."""
        self._measured = measured
        self._after_s = after_s
        self.begin(0.0)

    def begin(self, now: float) -> None:
        """The robot has only now come to where it is, or was not led away until now."""
        self._place = self._measured.newest
        self._since, self._led_away_at = now, -math.inf
        self._error = self._turn = 0.0

    def seen(self, error: float, turn: float, now: float) -> str:
        """One line where the robot has stood too long while commands led it away, else empty; `error` (m or rad) and
        `turn` (rad) are its distance from the last one."""
        if not self._after_s:
            return ""
        if error > _LEADS or turn > _LEADS_TURN:
            self._led_away_at = now
        if self._moved() or now - self._led_away_at > _REPLANS_S:
            self.begin(now)
        self._error, self._turn = max(error, self._error), max(turn, self._turn)
        if now - self._since < self._after_s:
            return ""
        return (
            f"the robot has stood for {self._after_s:g} s, up to {self._error:.3f} m or rad and {self._turn:.3f} rad "
            f"from its command; it is stopped or blocked{MAY_PUSH}"
        )

    def _moved(self) -> bool:
        if self._place is None:
            return True
        moved, turned = self._measured.distance(self._place)
        return moved > _STANDS or turned > _STANDS_TURN
