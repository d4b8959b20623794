"""The time of this machine at which a device with a clock of its own took something."""

from __future__ import annotations

from collections import deque

from sdm_core.stream_guard import RESTART_NS

_WINDOW_NS = 10_000_000_000


class DeviceClock:
    """Estimates how far a device's clock lies behind this machine's, from stamps and arrivals.

    Nothing arrives before it was taken: the least difference of late is the offset, but for the shortest way that a
    message takes (a few ms). What waited longer keeps its own time. A drift of the clocks is followed within seconds.
    """

    def __init__(self) -> None:
        # Offsets that may yet become the least of the window, rising; each with its arrival.
        self._offsets: deque[tuple[int, int]] = deque()
        self._last_device_ns = self._last_host_ns = -1

    def to_host(self, device_ns: int, arrival_ns: int) -> int:
        """This machine's time (ns) of what the device stamped `device_ns` and what arrived at `arrival_ns`, in order of
        arrival; it rises, unless this machine's clock was set back. A device stamp that goes back is a device that has
        started anew."""
        if device_ns < self._last_device_ns:
            self._offsets.clear()
        self._last_device_ns = device_ns
        if self._last_host_ns - arrival_ns > RESTART_NS:
            self._last_host_ns = -1
        offset = arrival_ns - device_ns
        while self._offsets and self._offsets[-1][1] >= offset:
            self._offsets.pop()
        self._offsets.append((arrival_ns, offset))
        while self._offsets[0][0] < arrival_ns - _WINDOW_NS:
            self._offsets.popleft()
        self._last_host_ns = max(device_ns + self._offsets[0][1], self._last_host_ns + 1)
        return self._last_host_ns
