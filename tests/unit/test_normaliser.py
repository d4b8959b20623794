"""Statistics of a dataset."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sdm_core.runtime.normaliser import LEAST_REACH, fit_bounds

SAMPLES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 20), st.integers(1, 5)),
    elements=st.floats(-1e3, 1e3, allow_nan=False, width=32),
)


@given(SAMPLES)
def test_every_sample_lies_within_the_bounds_and_no_range_is_nothing(samples: np.ndarray) -> None:
    bounds = fit_bounds(samples)
    low, high = np.array(bounds.low), np.array(bounds.high)
    assert low.shape == high.shape == samples.shape[1:]
    assert (low <= samples).all()
    assert (samples <= high).all()
    assert (high - low >= LEAST_REACH).all()


def test_bounds_are_the_extremes_themselves_where_there_is_a_range() -> None:
    bounds = fit_bounds(np.array([[0.0, -2.0], [1.0, 3.0], [0.5, 0.0]], np.float32))
    assert bounds.low == (0.0, -2.0)
    assert bounds.high == (1.0, 3.0)


def test_bounds_lie_no_nearer_to_the_middle_than_asked() -> None:
    bounds = fit_bounds(np.array([[0.0, 0.030, 0.5, 0.0], [1.0, 0.038, 0.5, 0.021]]), least=0.01)
    assert bounds.low == pytest.approx((0.0, 0.024, 0.49, 0.0))
    assert bounds.high == pytest.approx((1.0, 0.044, 0.51, 0.021))


def test_a_constant_dimension_maps_to_the_middle() -> None:
    bounds = fit_bounds(np.full((7, 1), 0.5))
    assert (bounds.low[0] + bounds.high[0]) / 2 == pytest.approx(0.5)
    assert bounds.high[0] - bounds.low[0] == pytest.approx(2 * LEAST_REACH)
