"""Deadlines missed, and not those of a timer that was stopped."""

from __future__ import annotations

import pytest
from sdm_policy_node.commands.tick_meter import TickMeter


def test_a_late_tick_is_missed_but_no_pause_is():
    meter = TickMeter(0.01)
    for now in (1.0, 1.01, 1.02, 1.05):
        meter.tick(now)
    assert (meter.ticks, meter.missed) == (4, 1)
    assert meter.worst_s == pytest.approx(0.03)
    meter.pause()
    meter.tick(9.0)
    assert (meter.ticks, meter.missed) == (5, 1)
    assert meter.worst_s == pytest.approx(0.03)
