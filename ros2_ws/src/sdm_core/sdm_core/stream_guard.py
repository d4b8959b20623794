"""Recognises what a sensor's driver must not do: send a stamp twice or late, or the same content under new stamps."""

from __future__ import annotations

from collections import Counter

from sdm_core.errors import StreamFault

# Stamps that go back farther than this begin anew (a simulation, a bag): no network delays a message for so long.
RESTART_NS = 1_000_000_000
# The clocks of two machines agree this well. What lies farther ahead is no measure for those that follow.
_AHEAD_NS = 50_000_000


class StreamGuard:
    """Judges the messages of one topic in order of arrival; so many of each kind were refused: `counts`.

    Whether a message is too old or lies in the future is for `ObservationWindow.check_age`, once the message has waited
    for the clock: a simulated one may arrive later than what it times.
    """

    def __init__(self, topic: str, frozen_frames: int = 0) -> None:
        """`frozen_frames`: how many equal contents in a row are a frozen sensor; 0: none, as without sensor noise."""
        self.counts: Counter[str] = Counter()
        self._topic = topic
        self._frozen_frames = frozen_frames
        self._last_ns: int | None = None
        self._content: object = None
        self._equal = 1

    def check(self, stamp_ns: int, now_ns: int, content: object) -> StreamFault | None:
        """What is wrong with a message, None where nothing is. `content` compares as a whole: bytes or an array.array,
        which differ within a few bytes where there is noise."""
        fault = self._order_fault(stamp_ns) or self._frozen_fault(content)
        if fault is not None:
            self.counts[fault.kind] += 1
        if (fault is None or fault.kind == "frozen") and stamp_ns <= now_ns + _AHEAD_NS:
            self._last_ns = stamp_ns
        return fault

    def _order_fault(self, stamp_ns: int) -> StreamFault | None:
        back_ns = -1 if self._last_ns is None else self._last_ns - stamp_ns
        if back_ns < 0 or back_ns > RESTART_NS:
            return None
        if back_ns == 0:
            return StreamFault("duplicate", f"'{self._topic}' gives the stamp of its last message again; a duplicate")
        return StreamFault(
            "out_of_order", f"'{self._topic}' gives a stamp {back_ns / 1e6:.1f} ms before its last one; out of order"
        )

    def _frozen_fault(self, content: object) -> StreamFault | None:
        if not self._frozen_frames:
            return None
        self._equal = self._equal + 1 if content == self._content else 1
        self._content = content
        if self._equal < self._frozen_frames:
            return None
        return StreamFault(
            "frozen",
            f"'{self._topic}' has not changed by one bit in {self._equal} messages, as if frozen; "
            "restart the camera, or set frozen_frames:=0 where it has no noise",
        )
