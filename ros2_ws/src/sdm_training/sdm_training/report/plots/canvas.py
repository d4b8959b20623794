"""What all pictures have in common: size, type, and files that are equal whenever the lines are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from sdm_training.report.estimate import Estimate

WIDTH, COLUMN = 7.2, 3.4  # inches, the widths of a page and of one of its two columns; type below is sized for them
_STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.hashsalt": "sdm-report",  # ids that do not change from run to run
}


@contextmanager
def canvas(
    path: Path, rows: int, columns: int, height: float, width: float = WIDTH, **options: Any
) -> Iterator[tuple[Any, Any]]:
    """(figure, axes [rows,columns]) to draw on; saved as `path` with the suffixes .png and .svg."""
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(
            rows, columns, figsize=(width, height), squeeze=False, constrained_layout=True, **options
        )
        try:
            yield figure, axes
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path.with_suffix(".png"), dpi=200)
            figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
        finally:
            plt.close(figure)


def horizontal_bars(
    plot: Any, places: Sequence[float], rates: Sequence[Estimate], height: float, colour: str, name: str
) -> None:
    """Bars in per cent, `name` in the legend, with intervals that have a light rim, to be seen on dark bars too."""
    plot.barh(places, [100 * rate.value for rate in rates], height, color=colour, label=name)
    low, high = ([100 * rate.interval[side] for rate in rates] for side in (0, 1))
    plot.hlines(places, low, high, color="white", linewidth=1.4)
    plot.hlines(places, low, high, color="black", linewidth=0.7)


def errors(rate: Estimate) -> list[list[float]]:
    """A rate's interval as matplotlib takes it, in per cent: distances below and above.

    The interval of a rate of 0 or 1 begins or ends there; rounding must not carry it past.
    """
    return [[100 * max(0.0, rate.value - rate.low)], [100 * max(0.0, rate.high - rate.value)]]
