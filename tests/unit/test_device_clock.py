"""A device's stamps in this machine's time."""

from __future__ import annotations

import numpy as np
from sdm_policy_node.realsense.device_clock import DeviceClock

MS = 1_000_000
PERIOD = 33 * MS
START = 1_700_000_000 * 10**9


def errors_ms(count: int, drift: float = 0.0, delay_ms: float = 3.0, seed: int = 0) -> np.ndarray:
    """How late (ms) each of `count` frames is stamped, which wait up to 40 ms on their way, but every tenth."""
    clock, random, errors = DeviceClock(), np.random.default_rng(seed), []
    for index in range(count):
        taken = START + index * PERIOD
        device = round(index * PERIOD * (1 + drift))
        wait = 0.0 if index % 10 == 0 else random.uniform(0, 40)
        errors.append((clock.to_host(device, taken + round((delay_ms + wait) * MS)) - taken) / MS)
    return np.array(errors)


def test_what_waited_on_its_way_keeps_the_time_at_which_it_was_taken() -> None:
    assert np.abs(errors_ms(300) - 3.0).max() < 1e-3


def test_a_clock_that_drifts_is_followed() -> None:
    for drift in (-50e-6, 50e-6):
        assert np.abs(errors_ms(3000, drift)[300:] - 3.0).max() < 1.0


def test_stamps_always_rise_also_where_the_device_starts_anew() -> None:
    clock, random = DeviceClock(), np.random.default_rng(0)
    stamps, taken = [], START
    for begun_anew in range(3):
        for index in range(50):
            taken += PERIOD
            arrival = taken + round(random.uniform(1, 20) * MS)
            stamps.append(clock.to_host(10**9 * begun_anew + index * PERIOD if begun_anew != 2 else index, arrival))
    assert (np.diff(stamps) > 0).all()
    assert abs(stamps[99] - (START + 100 * PERIOD)) < 25 * MS


def test_this_machine_s_clock_may_be_set_back() -> None:
    clock, stamps, taken = DeviceClock(), [], START
    for index in range(60):
        taken += PERIOD - (3600 * 10**9 if index == 30 else 0)
        stamps.append((clock.to_host(index * PERIOD, taken + 5 * MS) - taken) / MS)
    assert np.abs(np.array(stamps) - 5.0).max() < 1e-3
