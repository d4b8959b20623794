"""An estimated rate or difference of rates, and means of several."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value between the limits of its 95 % interval; rates, not per cent."""

    value: float
    low: float
    high: float

    @property
    def interval(self) -> tuple[float, float]:
        """(low, high)."""
        return self.low, self.high


def mean(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of independent estimates, each of which counts alike.

    Its limits are as far from it as theirs from them, squares added (Zou and Donner, Statistics in Medicine, 2008).
    """
    middle = statistics.fmean(one.value for one in estimates)
    below = math.hypot(*(one.value - one.low for one in estimates)) / len(estimates)
    above = math.hypot(*(one.high - one.value for one in estimates)) / len(estimates)
    return Estimate(middle, middle - below, middle + above)
