"""What all pictures have in common: size, type, and files that are equal whenever the lines are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from sdm_training.report.estimate import Estimate

WIDTH = 7.2  # inches, the width of a page; type below is sized for it
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
def canvas(path: Path, rows: int, columns: int, height: float, **options: Any) -> Iterator[tuple[Any, Any]]:
    """(figure, axes [rows,columns]) to draw on; saved as `path` with the suffixes .png and .svg."""
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(
            rows, columns, figsize=(WIDTH, height), squeeze=False, constrained_layout=True, **options
        )
        try:
            yield figure, axes
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path.with_suffix(".png"), dpi=200)
            figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
        finally:
            plt.close(figure)


def errors(rate: Estimate) -> list[list[float]]:
    """A rate's interval as matplotlib takes it, in per cent: distances below and above.

    The interval of a rate of 0 or 1 begins or ends there; rounding must not carry it past.
    """
    return [[100 * max(0.0, rate.value - rate.low)], [100 * max(0.0, rate.high - rate.value)]]
