"""Success per task, one bar a policy, with 95 % intervals."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from sdm_training.report.core_comparison import TASKS, shown
from sdm_training.report.lines import Line
from sdm_training.report.plots.canvas import COLUMN, canvas, horizontal_bars
from sdm_training.report.policies import BLUE, GREY, ORANGE, VERMILLION, YELLOW
from sdm_training.report.shipped_students import TASKS as SHIPPED
from sdm_training.report.shipped_students import success_lines
from sdm_training.report.success import Success, over_tasks

# The teacher at fewer evaluations pales.
_SHIPPED_BARS = (
    ("SDM @ 1", BLUE),
    ("teacher @ 10", VERMILLION),
    ("teacher @ 2", ORANGE),
    ("teacher @ 1", YELLOW),
    ("regression @ 1", GREY),
)

_NAME_WIDTH = 30  # letters; longer names would take the bars' room


def shipped_bars(lines: Sequence[Line], path: Path) -> None:
    """The shipped students beside their teachers and plain regression."""
    height = 0.8 / len(_SHIPPED_BARS)
    with canvas(path, 1, 1, 0.9 + 0.5 * len(SHIPPED), COLUMN) as (figure, axes):
        plot = axes[0, 0]
        for index, (name, colour) in enumerate(_SHIPPED_BARS):
            shift = (index - (len(_SHIPPED_BARS) - 1) / 2) * height
            found = [success_lines(lines, task)[index] for task in SHIPPED]
            rates = {place + shift: Success((line,)).rate for place, line in enumerate(found) if line}
            horizontal_bars(plot, list(rates), list(rates.values()), height, colour, name)
        plot.set_yticks(range(len(SHIPPED)), [task.split("/")[-1] for task in SHIPPED])
        plot.tick_params(axis="y", length=0)
        plot.set_ylim(len(SHIPPED) - 0.5, -0.5)
        plot.set_xlim(0, 103)
        plot.set_xlabel("success, %")
        plot.grid(axis="x")
        figure.legend(ncols=3, loc="outside upper center", columnspacing=0.8, fontsize=7)


def core_bars(lines: Sequence[Line], path: Path) -> None:
    """Every policy that was run on a task of the core comparison; one panel a task."""
    policies = shown(lines)
    if not policies:
        return
    columns = 4
    rows = -(-len(TASKS) // columns)
    with canvas(path, rows, columns, rows * (0.6 + 0.16 * len(policies)), sharex=True, sharey=True) as (_, axes):
        for plot, task in zip(axes.flat, TASKS, strict=False):
            plot.set_title(task.removeprefix("metaworld/"))
            plot.tick_params(axis="y", length=0)
            plot.grid(axis="x")
            for place, policy in enumerate(policies):
                found = over_tasks(lines, [task], policy).get(task)
                if found is None:
                    plot.text(2, place, "not run", va="center", fontsize=6, color=GREY)
                    continue
                horizontal_bars(plot, [place], [found.rate], 0.75, policy.described.colour, policy.name)
        for plot in axes.flat[len(TASKS) :]:
            plot.set_visible(False)
        for plot in axes.flat[len(TASKS) - columns : len(TASKS)]:
            plot.tick_params(labelbottom=True)
            plot.set_xlabel("success, %")
        first = axes[0, 0]
        first.set_yticks(range(len(policies)), [textwrap.fill(policy.name, _NAME_WIDTH) for policy in policies])
        for label in [label for plot in axes[:, 0] for label in plot.get_yticklabels() if "\n" in label.get_text()]:
            label.set_fontsize(6)
        first.set_ylim(len(policies) - 0.4, -0.6)
        first.set_xlim(0, 104)
