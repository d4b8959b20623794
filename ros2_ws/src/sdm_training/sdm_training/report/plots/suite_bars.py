"""Success on every task of MetaWorld that was run, by difficulty; one bar a policy, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sdm_training.report.estimate import Estimate
from sdm_training.report.lines import Line
from sdm_training.report.markdown import NOT_RUN
from sdm_training.report.plots.canvas import canvas, horizontal_bars
from sdm_training.report.policies import (
    BEST,
    BLACK,
    BLUE,
    DP3,
    GREY,
    ORANGE,
    RECIPES,
    SDM,
    SKY,
    VERMILLION,
    WHOLE,
    Policy,
)
from sdm_training.report.success import success
from sdm_training.report.suite_tasks import METAWORLD, metaworld

# One difficulty's tasks stand below the other's in each of two columns that are about equally long.
_COLUMNS = (("easy",), ("medium", "hard", "very hard"))
# The recipe before pales.
_BEFORE = RECIPES[RECIPES.index(WHOLE) + 1]
_POLICIES = (
    (SDM.under(WHOLE), BLUE),
    (SDM.under(_BEFORE), SKY),
    (DP3.under(WHOLE), VERMILLION),
    (DP3.under(_BEFORE), ORANGE),
    (BEST.under(WHOLE), BLACK),
)
_ROW, _BAR = 0.3, 0.16  # inches a task, and the height of a bar as a share of that

Rates = dict[Policy, Estimate]


def suite_rates(lines: Sequence[Line]) -> dict[str, dict[str, Rates]]:
    """By difficulty and task, the success of the policies that were run; without tasks on which none was."""
    return {
        label: {task: rates for task in tasks if (rates := _rates(lines, task))} for label, tasks in metaworld().items()
    }


def _rates(lines: Sequence[Line], task: str) -> Rates:
    return {policy: found.rate for policy, _ in _POLICIES if (found := success(lines, task, policy))}


def suite_bars(lines: Sequence[Line], path: Path) -> None:
    """Draws what was run of the suite, and says how much that is; nothing where nothing was."""
    tasks, rates = metaworld(), suite_rates(lines)
    if not any(rates.values()):
        return
    drawn = [(policy, colour) for policy, colour in _POLICIES if any(policy in one for one in _each(rates))]
    longest = max(sum(1 + len(rates[label]) for label in column) for column in _COLUMNS)
    with canvas(path, 1, 2, 0.9 + _ROW * longest, sharex=True) as (figure, axes):
        for plot, column in zip(axes[0], _COLUMNS, strict=True):
            headings = {label: f"{label}: {_run(rates[label])} of {len(tasks[label])} tasks" for label in column}
            _draw(plot, {heading: rates[label] for label, heading in headings.items()}, drawn)
            plot.set_ylim(longest - 0.4, -0.2)
            plot.set_xlabel("success, %")
        marks = {name: one for plot in axes[0] for one, name in zip(*plot.get_legend_handles_labels(), strict=True)}
        names = [name for name in (*(policy.name for policy, _ in drawn), NOT_RUN) if name in marks]
        figure.legend([marks[name] for name in names], names, ncols=3, loc="outside upper center")


def _run(rates: dict[str, Rates]) -> int:
    """How many tasks were run under the newest recipe that is run whole."""
    return sum(_POLICIES[0][0] in policies for policies in rates.values())


def _each(rates: dict[str, dict[str, Rates]]) -> list[Rates]:
    return [of_task for tasks in rates.values() for of_task in tasks.values()]


def _draw(plot: Any, groups: dict[str, dict[str, Rates]], policies: Sequence[tuple[Policy, str]]) -> None:
    """A row for each heading and each task below it."""
    rows: dict[int, str] = {}
    bars: dict[Policy, dict[float, Estimate | None]] = {policy: {} for policy, _ in policies}
    first = 0
    for heading, tasks in groups.items():
        plot.text(0, first + 0.2, heading, va="center", fontweight="bold")
        for row, (task, rates) in enumerate(tasks.items(), first + 1):
            rows[row] = task.removeprefix(METAWORLD)
            for index, (policy, _) in enumerate(policies):
                bars[policy][row + _BAR * (index - (len(policies) - 1) / 2)] = rates.get(policy)
        first += 1 + len(tasks)
    for policy, colour in policies:
        run = {place: rate for place, rate in bars[policy].items() if rate}
        if run:  # bars of nothing would have another colour in the legend
            horizontal_bars(plot, list(run), list(run.values()), _BAR, colour, policy.name)
    missing = [place for places in bars.values() for place, rate in places.items() if rate is None]
    if missing:
        plot.plot([1.5] * len(missing), missing, "x", color=GREY, markersize=2.5, label=NOT_RUN)
    plot.set_yticks(list(rows), list(rows.values()))
    plot.tick_params(axis="y", length=0)
    plot.set_xlim(0, 103)
    plot.grid(axis="x")
