"""A motion to rest, for receivers that are given one whole and not a command a period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class PlannedPath:
    """Commands float64[K, A], `period_s` apart, of which the first is to be reached `first_s` from now (s).

    `before` (float64[A]) is the command a period before the first: the robot is on its way from there.
    """

    before: NDArray[np.float64]
    commands: NDArray[np.float64]
    first_s: float
    period_s: float

    @property
    def times_s(self) -> NDArray[np.float64]:
        """When each command is to be reached: float64[K], s from now."""
        return self.first_s + self.period_s * np.arange(len(self.commands), dtype=np.float64)

    def velocities(self) -> NDArray[np.float64]:
        """Central differences float64[K, A], so that splines run smoothly through the commands; 0 at the end."""
        around = np.vstack([self.before, self.commands, self.commands[-1]])
        velocities = (around[2:] - around[:-2]) / (2 * self.period_s)
        velocities[-1] = 0.0
        return velocities
