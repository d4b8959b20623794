"""How long each part of the loop takes, from every observation of a run on the graph: student beside teacher."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.ticker import LogLocator, NullLocator

from sdm_training.report.lines import Line, matching
from sdm_training.report.markdown import NOT_RUN
from sdm_training.report.plots.canvas import COLUMN, canvas
from sdm_training.report.policies import BLUE, GREY, VERMILLION

# Title, part and mode of each panel, in the order in which an observation passes the parts.
_PANELS = (
    ("depth to cloud", "graph/depth_to_cloud", "lockstep"),
    ("inference", "graph/infer", "lockstep"),
    ("gate and publication", "gate_publish", "lockstep"),
    ("whole loop", "loop", "lockstep"),
    ("whole loop in real time", "loop", "realtime"),
)
# How lines name the policies, their colours, and whether the area under the steps is filled.
_POLICIES = (("student, 1 step", BLUE, True), ("teacher, 10 steps", VERMILLION, False))


def latency_lines(lines: Sequence[Line]) -> dict[tuple[str, str], Line]:
    """By part and variant the newest timing that has a histogram, of those that are drawn."""
    drawn = {(what, f"{name}, {mode}") for _, what, mode in _PANELS for name, *_ in _POLICIES}
    timed = [line for line in matching(lines, kind="timing") if "histogram" in line]
    return {key: line for line in timed if (key := (line["what"], line["variant"])) in drawn}


def latency_histogram(lines: Sequence[Line], path: Path) -> None:
    """Draws the parts below each other, over one logarithmic axis of time; nothing where no line has a histogram."""
    found = latency_lines(lines)
    if not found:
        return
    with canvas(path, len(_PANELS), 1, 0.6 + 0.95 * len(_PANELS), COLUMN, sharex=True) as (figure, axes):
        for plot, (title, what, mode) in zip(axes[:, 0], _PANELS, strict=True):
            shown = [
                (line, name, colour, filled)
                for name, colour, filled in _POLICIES
                if (line := found.get((what, f"{name}, {mode}")))
            ]
            for place, (line, name, colour, filled) in enumerate(shown):
                _draw(plot, line, name, colour, filled)
                words = f"{line['p50_ms']:.1f}, {line['p99_ms']:.1f} ms"
                plot.text(0.76 + 0.24 * place, 1.03, words, transform=plot.transAxes, ha="right", color=colour)
            if not shown:
                plot.text(0.5, 0.5, NOT_RUN, transform=plot.transAxes, ha="center", color=GREY)
            plot.set_title(title, loc="left", pad=2)
            plot.set_ylim(bottom=0)
            plot.set_yticks([])
            plot.spines["left"].set_visible(False)
            plot.grid(axis="x")
        bottom = axes[-1, 0]
        bottom.set_xscale("log")
        bottom.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        bottom.xaxis.set_minor_locator(NullLocator())
        bottom.xaxis.set_major_formatter("{x:g}")
        bottom.set_xlabel("time, ms; in figures: median, 99th percentile")
        steps = {name: one for plot in axes.flat for one, name in zip(*plot.get_legend_handles_labels(), strict=True)}
        figure.legend(list(steps.values()), list(steps), ncols=2, loc="outside upper center")


def _draw(plot: Any, line: Line, name: str, colour: str, filled: bool) -> None:
    shares = [count / line["n"] for count in line["histogram"]]
    style = {"facecolor": f"{colour}66"} if filled else {}
    plot.stairs(shares, line["histogram_edges_ms"], fill=filled, edgecolor=colour, linewidth=1.0, label=name, **style)
