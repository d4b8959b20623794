"""Chunks over each other, number by number: also those that lead the tool to no place that could be drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import viser
from numpy.typing import NDArray
from viser import uplot

from sdm_cockpit.page.palette import GREY, PLANS, css
from sdm_cockpit.snapshot import Plan

_HEIGHT_PX = 96
_STEPS = uplot.Scale(time=False)
_MARGIN, _LEAST_RANGE = 0.1, 0.01
# More of them nobody reads; a hand has two dozen.
_CHARTS = 8


class ChunkCharts:
    """A chart for each entry of an action, over the steps from now on, in the colours of the plans' ribbons."""

    def __init__(self, gui: viser.GuiApi) -> None:
        self._gui = gui
        self._folder = gui.add_folder("Chunks over the next steps", visible=False)
        self._names: tuple[str, ...] = ()
        self._charts: list[viser.GuiUplotHandle] = []
        self._shown: tuple[Plan, ...] = ()

    def show(self, names: Sequence[str], plans: tuple[Plan, ...]) -> None:
        """`names` of the first entries of `plans`' values."""
        if plans is self._shown:
            return
        self._shown = plans
        self._folder.visible = bool(plans)
        if tuple(names) != self._names:
            self._make(tuple(names))
        ahead = [plan.values[plan.executed :] for plan in plans[: len(PLANS)]]
        steps = np.arange(max(map(len, ahead), default=0), dtype=np.float64)
        nothing = np.zeros((0, len(names)))
        ahead += [nothing] * (len(PLANS) - len(ahead))
        for column, chart in enumerate(self._charts):
            values = [_filled(each[:, column], len(steps)) for each in ahead]
            chart.scales = {"x": _STEPS, "y": uplot.Scale(range=_range(values))}
            chart.data = (steps, *values)

    def _make(self, names: tuple[str, ...]) -> None:
        for chart in self._charts:
            chart.remove()
        self._names = names
        with self._folder:
            self._charts = [_chart(self._gui, name) for name in names[:_CHARTS]]


def _range(values: list[NDArray[np.float64]]) -> tuple[float, float]:
    """A little more than all of them; what hardly changes looks like it."""
    known = np.concatenate(values)
    known = known[np.isfinite(known)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    margin = max(_MARGIN * (high - low), _LEAST_RANGE * max(abs(low), abs(high), 1.0))
    return low - margin, high + margin


def _filled(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """NaN, which is not drawn, for what comes after its end."""
    return np.concatenate([values, np.full(length - len(values), np.nan)])


def _chart(gui: viser.GuiApi, title: str) -> viser.GuiUplotHandle:
    series = [uplot.Series(label="plan", stroke=css(first), width=2.0, points={"show": False}) for first, _ in PLANS]
    ink = css(GREY)
    return gui.add_uplot(
        (np.zeros(0),) * (len(series) + 1),
        (uplot.Series(label="step"), *series),
        title=title,
        scales={"x": _STEPS},
        axes=(uplot.Axis(stroke=ink, size=26.0, gap=0.0), uplot.Axis(stroke=ink, size=52.0)),
        legend=uplot.Legend(show=False),
        cursor=uplot.Cursor(show=False),
        height=_HEIGHT_PX,
        padding=(4, 12, 0, 0),
    )
