"""How long the arm is led on after each fault, against what is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sdm_training.report.lines import Line
from sdm_training.report.plots.canvas import COLUMN, canvas
from sdm_training.report.policies import BLACK, BLUE, VERMILLION


def fault_times(faults: Sequence[Line], path: Path) -> None:
    """A row for each fault that must stop the arm, by name: median and longest time until its last motion, and its bar.

    Nothing is drawn where there are none.
    """
    stops = sorted((line for line in faults if line["expected"] == "stops"), key=lambda line: line["fault"])
    if not stops:
        return
    with canvas(path, 1, 1, 0.8 + 0.16 * len(stops), COLUMN) as (figure, axes):
        plot, places = axes[0, 0], range(len(stops))
        late = [line["max_ms"] > line["bar_ms"] for line in stops]
        colours = [VERMILLION if missed else BLUE for missed in late]
        medians, longest, bars = ([line[key] for line in stops] for key in ("p50_ms", "max_ms", "bar_ms"))
        plot.hlines(places, medians, longest, color=colours, linewidth=1.5)
        plot.scatter(medians, places, 14, facecolor="white", edgecolor=colours, zorder=3, label="median")
        plot.scatter(longest, places, 14, color=colours, zorder=3, label="longest")
        plot.scatter(bars, places, 60, marker="|", color=BLACK, linewidth=1.5, label="allowed")
        plot.set_yticks(places, [line["fault"] for line in stops], fontsize=7)
        plot.tick_params(axis="y", length=0)
        plot.set_ylim(len(stops) - 0.4, -0.6)
        plot.set_xlim(left=-4)
        plot.set_xlabel("from the fault to the last motion, ms")
        plot.grid()
        figure.legend(ncols=3, loc="outside upper center", columnspacing=1.0, handletextpad=0.2)
