"""Min–max statistics of a dataset, as the contract carries them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdm_core.contract import Bounds

# A constant dimension would divide by zero.
MIN_RANGE = 1e-4

# Of a state entry (m, rad, 1): a gripper that stayed open over all demonstrations moves by its sensor's noise alone,
# which would fill [-1, 1], and closed it would read in the hundreds.
MIN_STATE_RANGE = 0.01


def fit_bounds(samples: NDArray, least: float = MIN_RANGE) -> Bounds:
    """Per-dimension minimum and maximum of samples [M,D]; one of less than `least` is widened by it both ways."""
    low, high = samples.min(0).astype(np.float64), samples.max(0).astype(np.float64)
    flat = high - low < least
    low, high = np.where(flat, low - least, low), np.where(flat, high + least, high)
    return Bounds(low=tuple(low.tolist()), high=tuple(high.tolist()))
