"""Open or closed, out of a policy's noisy number."""

from __future__ import annotations


class GripperSwitch:
    """Hysteresis, and a least time between two changes: what opens and closes takes about a second for each.

    A value counts as a share of the way from open to closed: `close_above` closes, `open_below` opens, and what lies
    between leaves the gripper as it is.
    """

    def __init__(self, opened: float, closed: float, close_above: float, open_below: float, dwell_s: float) -> None:
        """`opened`, `closed`: the values of the command that mean these."""
        self._opened, self._closed = opened, closed
        self._close_above, self._open_below = close_above, open_below
        self._dwell_s = dwell_s
        self._changed = -float("inf")
        self.wants_closed: bool | None = None
        """None before the first clear value."""

    def forget(self) -> None:
        """Waits for a clear value again; the dwell goes on."""
        self.wants_closed = None

    def update(self, value: float, now: float) -> bool | None:
        """`wants_closed` after a command's value; `now` in seconds of a steady clock."""
        share = (value - self._opened) / (self._closed - self._opened)
        wanted = True if share > self._close_above else False if share < self._open_below else self.wants_closed
        if wanted != self.wants_closed and now - self._changed >= self._dwell_s:
            self.wants_closed, self._changed = wanted, now
        return self.wants_closed
