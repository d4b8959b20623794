"""What `make demo` came to where it was run for the pages: the tutorial's table and README's plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sdm_sim.demo.summary import HEADINGS, cells, latency_plot

from sdm_training.report.lines import Line, matching
from sdm_training.report.markdown import NOTHING_RUN, table


def demo_table(lines: Sequence[Line]) -> str:
    """A row for each run, as the demo shows it, and where it ran."""
    runs = matching(lines, kind="demo")
    if not runs:
        return NOTHING_RUN
    return f"{table(HEADINGS, map(cells, runs))}\n\nMeasured on {runs[0]['machine']}, at commit {runs[0]['commit']}."


def demo_picture(lines: Sequence[Line], folder: Path) -> None:
    """The demo's own plot, `latency.png`."""
    runs = matching(lines, kind="demo")
    if runs:
        folder.mkdir(parents=True, exist_ok=True)
        latency_plot(runs, folder / "latency.png")
