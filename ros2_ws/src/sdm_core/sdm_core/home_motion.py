"""The way home: a slow, straight motion from where the robot stands, told in chunks as a policy's is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdm_core.action_chunk import ActionChunk
from sdm_core.command_space import CommandSpace
from sdm_core.contract import Contract

Vector = NDArray[np.float64]

# Greatest velocity, acceleration and jerk of s(x) = 10 x³ - 15 x⁴ + 6 x⁵ on [0, 1].
_PEAKS = (1.875, 10 / np.sqrt(3), 60.0)


class HomeMotion:
    """Minimum-jerk motion along the straight line (and great arc), at `share` of the contract's limits at most.

    Its chunks go through scheduler, smoother and gate as any other's.
    """

    def __init__(self, contract: Contract, start: Vector, home: Vector, share: float, begin_ns: int) -> None:
        """`contract` of absolute pose or joint targets; `start`, `home` float64[A]; `share` of the limits in (0, 1]."""
        self._space = CommandSpace(contract.action)
        self._start, self._home = self._space.normalised(start), self._space.normalised(home)
        self._dt_ns, self._horizon = contract.dt_ns, contract.horizon
        self._begin_ns = begin_ns
        self.duration_ns = int(self._seconds(share) * 1e9)

    @property
    def end_ns(self) -> int:
        """When it arrives."""
        return self._begin_ns + self.duration_ns

    def chunk(self, now_ns: int) -> ActionChunk:
        """The targets from now on; beyond the end they stay at home."""
        times = now_ns + self._dt_ns * np.arange(self._horizon)
        shares = np.clip((times - self._begin_ns) / max(self.duration_ns, 1), 0.0, 1.0)
        progress = shares**3 * (10 - 15 * shares + 6 * shares**2)
        targets = np.stack([self._space.interpolate(self._start, self._home, share) for share in progress])
        return ActionChunk(now_ns, self._dt_ns, targets, 0)

    def _seconds(self, share: float) -> float:
        distance = np.abs(self._space.difference(self._start, self._home))
        limits = (self._space.max_velocity, self._space.max_acceleration, self._space.max_jerk)
        times = [
            (peak * distance / (share * limit)) ** (1 / order)
            for order, (peak, limit) in enumerate(zip(_PEAKS, limits, strict=True), start=1)
        ]
        return float(np.max(times))
