"""Min–max statistics of a dataset, as the contract carries them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdm_core.contract import Bounds

# A constant dimension would divide by zero; it is given this half-width instead, and so maps to 0.
MIN_RANGE = 1e-4


def fit_bounds(samples: NDArray) -> Bounds:
    """Per-dimension minimum and maximum of samples [M,D]; a constant dimension is widened to ± MIN_RANGE."""
    low, high = samples.min(0).astype(np.float64), samples.max(0).astype(np.float64)
    flat = high - low < MIN_RANGE
    low, high = np.where(flat, low - MIN_RANGE, low), np.where(flat, high + MIN_RANGE, high)
    return Bounds(low=tuple(low.tolist()), high=tuple(high.tolist()))
