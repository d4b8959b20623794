"""Learning curves: one row of panels a task, over steps on the left and over seconds on the right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

from sdm_training.report.learning_curves import Curves, Point
from sdm_training.report.plots.canvas import COLUMN, canvas
from sdm_training.report.policies import GREY, Policy


def curve_panels(curves: Curves, path: Path) -> None:
    """Draws the curves, where there are any."""
    if not curves:
        return
    tasks = sorted(curves)
    with canvas(path, len(tasks), 2, 0.6 + 1.7 * len(tasks), COLUMN, sharey=True) as (figure, axes):
        for (over_steps, over_seconds), task in zip(axes, tasks, strict=True):
            for policy, points in curves[task].items():
                _draw(over_steps, policy, points, [point.step for point in points])
                timed = [point for point in points if point.seconds is not None]
                _draw(over_seconds, policy, timed, [point.seconds for point in timed])
            over_steps.set_ylabel(f"{task}\nsuccess, %")
            over_steps.set_ylim(0, 102)
            for plot in (over_steps, over_seconds):
                plot.set_xscale("log")  # what tells students apart lies at the beginning
                plot.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
                plot.xaxis.set_major_formatter(ScalarFormatter())
                plot.xaxis.set_minor_locator(NullLocator())
                plot.grid()
            if not over_seconds.lines:
                over_seconds.text(
                    0.5, 0.5, "times not\nmeasured", transform=over_seconds.transAxes, ha="center", color=GREY
                )
                over_seconds.set_xticks([])
        axes[-1, 0].set_xlabel("step")
        axes[-1, 1].set_xlabel("time, s")
        handles = {line.get_label(): line for plot in axes[:, 0] for line in plot.lines}
        fits = {"fontsize": 7, "handlelength": 1.5, "columnspacing": 1.0}  # the longest names side by side in a column
        figure.legend(list(handles.values()), list(handles), ncols=2, loc="outside upper center", **fits)


def _draw(plot: Any, policy: Policy, points: list[Point], x: list[Any]) -> None:
    if not points:
        return
    method = policy.described
    low, high = ([100 * point.rate.interval[side] for point in points] for side in (0, 1))
    plot.fill_between(x, low, high, color=method.colour, alpha=0.1, linewidth=0)
    rates = [100 * point.rate.value for point in points]
    look = {"linestyle": "--" if policy.variant else "-", "linewidth": 1.2, "marker": method.marker, "markersize": 3}
    plot.plot(x, rates, color=method.colour, label=policy.name, **look)
