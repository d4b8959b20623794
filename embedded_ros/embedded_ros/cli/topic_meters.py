"""What `topic hz`, `delay` and `bw` report of a stream of messages, in the forms of `ros2`. Times in nanoseconds."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable

_SECOND = 1_000_000_000


class RateMeter:
    """Periods between arrivals, the last `window` of them; a report for each second that has any."""

    def __init__(self, window: int) -> None:
        self._periods: deque[int] = deque(maxlen=window)
        self._newest: int | None = None
        self._reported = 0

    def add(self, now: int) -> str | None:
        """Count an arrival; the report, once a second."""
        if self._newest is None or now < self._newest:  # the first one, or the simulation starts anew
            self._periods.clear()
            self._reported = now
        else:
            self._periods.append(now - self._newest)
        self._newest = now
        if now < self._reported + _SECOND:
            return None
        self._reported = now
        mean = statistics.fmean(self._periods) / _SECOND
        return f"average rate: {1.0 / mean if mean else 0.0:.3f}\n\t{_spread(self._periods)}"


class DelayMeter:
    """Times between the stamps of the last `window` messages and their arrivals."""

    def __init__(self, window: int) -> None:
        self._delays: deque[int] = deque(maxlen=window)
        self._new = False

    def add(self, now: int, stamp: int) -> None:
        self._delays.append(now - stamp)
        self._new = True

    def report(self) -> str | None:
        if not self._delays:
            return None
        if not self._new:
            return "no new messages"
        self._new = False
        return f"average delay: {statistics.fmean(self._delays) / _SECOND:.3f}\n\t{_spread(self._delays)}"


class BandwidthMeter:
    """Sizes of the last `window` messages."""

    def __init__(self, window: int) -> None:
        self._arrivals: deque[tuple[int, int]] = deque(maxlen=window)

    def add(self, now: int, size: int) -> None:
        self._arrivals.append((now, size))

    def report(self, now: int) -> str | None:
        if len(self._arrivals) < 2 or now <= self._arrivals[0][0]:
            return None
        sizes = [size for _, size in self._arrivals]
        rate = sum(sizes) * _SECOND / (now - self._arrivals[0][0])
        # One unit for all, that of the bandwidth.
        unit, scale, digits = ("B", 1, 0) if rate < 1e3 else ("KB", 1e3, 2) if rate < 1e6 else ("MB", 1e6, 2)
        speed, mean, least, most = (
            f"{value / scale:.{digits}f} {unit}" for value in (rate, statistics.fmean(sizes), min(sizes), max(sizes))
        )
        return f"{speed}/s from {len(sizes)} messages\n\tMessage size mean: {mean} min: {least} max: {most}"


def _spread(values: Iterable[int]) -> str:
    seconds = [value / _SECOND for value in values]
    return (
        f"min: {min(seconds):.3f}s max: {max(seconds):.3f}s std dev: {statistics.pstdev(seconds):.5f}s "
        f"window: {len(seconds)}"
    )
