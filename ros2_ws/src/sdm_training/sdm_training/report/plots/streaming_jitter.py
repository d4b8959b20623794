"""How evenly commands are streamed, beside a bare loop at the same rate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sdm_training.report.lines import Line, matching
from sdm_training.report.plots.canvas import COLUMN, canvas
from sdm_training.report.policies import BLUE, GREY, ORANGE

_LATE = 1.5  # periods; what lasts longer counts as missed


def longest_run(lines: Sequence[Line]) -> Line | None:
    """Of the longest streaming runs the newest; None where there is none."""
    runs = matching(lines, kind="streaming")
    return max(reversed(runs), key=lambda line: line["minutes"], default=None)


def streaming_jitter(lines: Sequence[Line], path: Path) -> None:
    """The share of periods in each bin, logarithmic, so that a single late one among 100,000 is seen.

    Bins are drawn equally wide, though they are narrow around the period that is wanted and wide far from it.
    """
    run = longest_run(lines)
    if run is None:
        return
    edges, period_ms = run["histogram_edges_ms"], 1e3 / run["rate_hz"]
    shares = {
        "command_node": [count / sum(run["histogram"]) for count in run["histogram"]],
        "bare loop": [count / sum(run["bare_histogram"]) for count in run["bare_histogram"]],
    }
    with canvas(path, 1, 1, 2.3, COLUMN) as (figure, axes):
        plot = axes[0, 0]
        places = range(len(edges) - 1)
        for shift, colour, (name, values) in zip((0.3, 0.7), (BLUE, ORANGE), shares.items(), strict=True):
            plot.bar(
                [place + shift for place in places], [100 * value for value in values], 0.4, color=colour, label=name
            )
        if _LATE * period_ms in edges:
            late = edges.index(_LATE * period_ms)
            plot.axvline(late, color=GREY, linewidth=0.8)
            plot.annotate(" missed", (late, 100), va="top", color="#595959")
        plot.set_yscale("log")
        plot.set_ylim(100 / sum(run["histogram"]) / 2, 100)
        plot.yaxis.set_major_formatter("{x:g}")
        plot.set_xticks(range(len(edges)), [f"{edge:g}" for edge in edges], rotation=90)
        plot.set_xlabel(f"period, ms; {run['rate_hz']:g} Hz for {run['minutes']:.0f} minutes")
        plot.set_ylabel("share of periods, %")
        plot.grid(axis="y")
        figure.legend(ncols=2, loc="outside upper center")
