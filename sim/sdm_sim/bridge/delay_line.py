"""Messages that travel for a while, on the steady clock."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable


class DelayLine:
    """Carries out what it is given some time later, in order, while its owner sleeps in `sleep_until`."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, Callable[[], object]]] = deque()

    def send(self, deliver: Callable[[], object], delay_s: float) -> None:
        """Delivers at once where there is no delay, and nothing is under way."""
        if delay_s or self._waiting:
            self._waiting.append((time.perf_counter() + delay_s, deliver))
        else:
            deliver()

    def sleep_until(self, deadline: float) -> None:
        """Sleeps up to a time of `time.perf_counter`, and delivers what falls due meanwhile."""
        while self._waiting and self._waiting[0][0] <= deadline:
            due, deliver = self._waiting.popleft()
            sleep_until(due)
            deliver()
        sleep_until(deadline)

    def clear(self) -> None:
        """Loses what is still under way."""
        self._waiting.clear()


def sleep_until(moment: float) -> None:
    """Sleeps up to a time of `time.perf_counter`; not at all where that has passed."""
    remaining = moment - time.perf_counter()
    if remaining > 0:
        time.sleep(remaining)
