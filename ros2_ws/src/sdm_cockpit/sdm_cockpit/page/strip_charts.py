"""The last half minute of the control loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import viser
from numpy.typing import NDArray
from viser import uplot

from sdm_cockpit.page.palette import (
    BLUE,
    BLUISH_GREEN,
    GREY,
    ORANGE,
    REDDISH_PURPLE,
    SKY_BLUE,
    VERMILLION,
    Rgb,
    css,
)
from sdm_cockpit.snapshot import Snapshot, Timing

SPAN_S = 30.0
_SAMPLE_S = 0.1
_DRAW_S = 0.25
_HEIGHT_PX, _LEGEND_PX = 86, 26
_SILENCE = Timing(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class _Sample:
    time_s: float
    control_hz: float
    cloud_ms: float
    inference_ms: float
    gate_publish_ms: float
    loop_ms: float
    deadline_ms: float
    observation_age_ms: float
    clamps: int


class StripCharts:
    """Control rate, the latency's parts on top of each other below its deadline, observation age, and clamps."""

    def __init__(self, gui: viser.GuiApi) -> None:
        self._samples: deque[_Sample] = deque()
        self._clamps = 0
        self._drawn_s = float("-inf")
        self._gui = gui
        self._folder = gui.add_folder(None)  # without a frame
        self._built = False

    def _build(self) -> None:
        """Not before there is something to be seen."""
        self._built = True
        with self._folder:
            self._add_charts(self._gui)

    def _add_charts(self, gui: viser.GuiApi) -> None:
        gui.add_markdown(f"The last {SPAN_S:g} s, until now on the right:")
        self._rate = _chart(gui, "Control rate (Hz)", [_line("rate", SKY_BLUE)])
        # Each area covers what is below it, so that the highest sum is drawn first.
        self._latency = _chart(
            gui,
            "Latency (ms)",
            [
                _area("gate, publish", ORANGE),
                _area("network", BLUISH_GREEN),
                _area("cloud", BLUE),
                _line("whole loop", REDDISH_PURPLE),
                _line("deadline", VERMILLION, dash=(6.0, 4.0)),
            ],
        )
        self._age = _chart(gui, "Age of the observation (ms)", [_line("age", SKY_BLUE)])
        self._clamped = _chart(gui, "Gate's clamps (per sample)", [_area("clamps", VERMILLION)])

    def show(self, snapshot: Snapshot) -> None:
        """Keeps what a snapshot says, and draws now and then."""
        now_s = snapshot.time_s
        if self._samples and not 0.0 <= now_s - self._samples[-1].time_s <= SPAN_S:
            self._samples.clear()  # a recording was wound
            self._drawn_s = float("-inf")
        self._clamps += len(snapshot.clamps)
        if self._samples and now_s - self._samples[-1].time_s < _SAMPLE_S:
            return
        timing = snapshot.timing or _SILENCE
        if snapshot.timing and not self._built:
            self._build()
        self._samples.append(
            _Sample(
                now_s,
                timing.control_hz,
                timing.cloud_ms,
                timing.inference_ms,
                timing.gate_publish_ms,
                timing.loop_ms,
                timing.deadline_ms,
                timing.observation_age_ms,
                self._clamps,
            )
        )
        self._clamps = 0
        while self._samples[0].time_s < now_s - SPAN_S:
            self._samples.popleft()
        if self._built and now_s - self._drawn_s >= _DRAW_S:
            self._drawn_s = now_s
            self._draw()

    def _draw(self) -> None:
        times = self._column("time_s")
        ago = times - times[-1]
        cloud, network, gate = (self._column(part) for part in ("cloud_ms", "inference_ms", "gate_publish_ms"))
        self._rate.data = (ago, self._column("control_hz"))
        self._latency.data = (
            ago,
            cloud + network + gate,
            cloud + network,
            cloud,
            self._column("loop_ms"),
            self._column("deadline_ms"),
        )
        self._age.data = (ago, self._column("observation_age_ms"))
        self._clamped.data = (ago, self._column("clamps"))

    def _column(self, name: str) -> NDArray[np.float64]:
        # What nobody told is zero: a line with a single NaN in it would not be drawn at all.
        return np.nan_to_num(np.array([getattr(sample, name) for sample in self._samples], np.float64))


def _chart(gui: viser.GuiApi, title: str, series: Sequence[uplot.Series]) -> viser.GuiUplotHandle:
    empty = np.zeros(0)
    ink = css(GREY)
    return gui.add_uplot(
        (empty,) * (len(series) + 1),
        (uplot.Series(label="s"), *series),
        title=title,
        # From zero, so that a steady rate looks steady.
        scales={"x": uplot.Scale(time=False, range=(-SPAN_S, 0.0)), "y": uplot.Scale(range=(0.0, None))},
        # No axis of time: viser's page loses it where data come while a chart is laid out.
        axes=(uplot.Axis(show=False), uplot.Axis(stroke=ink, size=42.0)),
        legend=uplot.Legend(show=len(series) > 1, live=False),
        cursor=uplot.Cursor(show=False),
        height=_HEIGHT_PX + _LEGEND_PX * (len(series) > 1),
        padding=(4, 12, 6, 0),
    )


def _line(label: str, colour: Rgb, dash: tuple[float, ...] = ()) -> uplot.Series:
    return uplot.Series(label=label, stroke=css(colour), width=1.5, dash=dash, points={"show": False})


def _area(label: str, colour: Rgb) -> uplot.Series:
    return uplot.Series(label=label, stroke=css(colour), fill=css(colour), width=1.0, points={"show": False})
