"""Min–max statistics of a dataset, as the contract carries them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdm_core.contract import Bounds

# A constant dimension would divide by zero.
LEAST_REACH = 1e-4

# Of a state entry (m, rad, 1): a gripper that stayed open over all demonstrations moves by its sensor's noise alone,
# which would fill [-1, 1], and closed it would read in the hundreds.
LEAST_STATE_REACH = 0.01


def fit_bounds(samples: NDArray, least: float = LEAST_REACH) -> Bounds:
    """Per-dimension minimum and maximum of samples [M,D], but no nearer to their middle than `least`."""
    low, high = samples.min(0).astype(np.float64), samples.max(0).astype(np.float64)
    middle = (low + high) / 2
    low, high = np.minimum(low, middle - least), np.maximum(high, middle + least)
    return Bounds(low=tuple(low.tolist()), high=tuple(high.tolist()))
