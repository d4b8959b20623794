"""The histograms that benchmarks/latency.py writes: every time is in one bin, on a grid that all lines share."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from helpers.modules import module_at

PROGRAM = Path(__file__).parents[2] / "benchmarks/latency.py"


@pytest.fixture(scope="module")
def latency() -> ModuleType:
    return module_at(PROGRAM)


def test_every_time_lies_in_its_bin(latency: ModuleType) -> None:
    times = np.random.default_rng(0).lognormal(0.5, 1.0, 500)
    found = latency.histogram(times)
    counts, edges = found["histogram"], found["histogram_edges_ms"]
    assert sum(counts) == 500
    assert counts[0] > 0
    assert counts[-1] > 0
    assert edges[0] <= times.min() < edges[1]
    assert edges[-2] <= times.max() < edges[-1]
    assert counts == np.histogram(times, edges)[0].tolist()


def test_histograms_of_different_times_share_a_grid(latency: ModuleType) -> None:
    first, second = (latency.histogram([1.0, end])["histogram_edges_ms"] for end in (1.3, 4.0))
    assert first[0] == 1.0
    assert second[: len(first)] == first


def test_a_single_time_has_a_single_bin(latency: ModuleType) -> None:
    assert latency.histogram([0.95]) == {"histogram": [1], "histogram_edges_ms": [0.9091, 1.0]}
