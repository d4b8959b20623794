"""All 53 tasks: means by difficulty, what students lose, and whether the recipes reach the bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sdm_training.report.lines import Line
from sdm_training.report.markdown import NOT_RUN, table
from sdm_training.report.policies import BEST, DP3, EDM, FOURTH, RECIPES, SDM, THIRD, WHOLE, Policy, Recipe
from sdm_training.report.published_comparison import PublishedComparison
from sdm_training.report.success import (
    OverTasks,
    difference_cell,
    mean_cell,
    mean_difference,
    mean_success,
)
from sdm_training.report.suite_tasks import ADROIT, domains

_DP3_ONE_STEP = Policy("dp3", 1)
_COMPARED = (DP3, _DP3_ONE_STEP, SDM, EDM, BEST)
# Of the newest recipe, then of those before.
POLICIES = tuple(policy.under(recipe) for recipe in RECIPES for policy in _COMPARED)
STUDENTS = tuple(policy.under(recipe) for recipe in RECIPES for policy in (SDM, BEST))
# Each student beside its teacher, beside what that gives at one evaluation without any distillation, and one beside the
# other.
_DIFFERENCES = ((SDM, DP3), (SDM, _DP3_ONE_STEP), (BEST, EDM), (BEST, SDM))
_BEST = BEST.under(WHOLE)

# Of the mean at one step: over the tasks of the published comparison, and over all.
COMPARED_BAR, ALL_BAR = 0.90, 0.85


def every_task() -> tuple[str, ...]:
    """The 53."""
    return tuple(task for tasks in domains().values() for task in tasks)


def with_adroit(lines: Sequence[Line]) -> list[Line]:
    """Every line, and Adroit's of the third recipe once more as the fourth's, which leaves Adroit's tasks with it: of
    the policies that were run under the fourth."""
    told = {"network": FOURTH.network, "disturbed": FOURTH.disturbed}
    run = {_policy(line) for line in lines if _recipe(line) == FOURTH}
    of_third = [line for line in lines if _recipe(line) == THIRD and _policy(line) in run]
    return [*lines, *({**line, **told} for line in of_third if line.get("task") in ADROIT)]


def _recipe(line: Line) -> Recipe:
    return Recipe(line.get("network", ""), line.get("disturbed"))


def _policy(line: Line) -> tuple[Any, ...]:
    return line.get("method"), line.get("nfe")


def success_table(lines: Sequence[Line]) -> str:
    """The mean success of each policy, by difficulty and over all tasks."""
    lines = with_adroit(lines)
    rows = [[policy.name, *(mean_cell(lines, tasks, policy) for tasks in _groups())] for policy in POLICIES]
    return table(["policy", *_headings()], rows)


def summary_table(lines: Sequence[Line]) -> str:
    """Students beside their teachers under the newest recipe that is run whole, and then those that are run on every
    task under a newer one: the mean success, and the paired difference over all tasks."""
    lines, policies = with_adroit(lines), (DP3, SDM, EDM, BEST)
    newer = [policy.under(recipe) for recipe in RECIPES[: RECIPES.index(WHOLE)] for policy in policies]
    shown = {policy.name: policy.under(WHOLE) for policy in policies}
    shown |= {policy.name: policy for policy in newer if _is_whole(lines, policy)}
    rows = [
        [
            name,
            *(mean_cell(lines, tasks, policy) for tasks in _groups()),
            difference_cell(lines, every_task(), policy),
        ]
        for name, policy in shown.items()
    ]
    return table(["policy", *_headings(), "student − teacher, paired"], rows)


def difference_table(lines: Sequence[Line]) -> str:
    """What each student gains on another policy, in points, by difficulty and over the tasks that both were run on."""
    lines = with_adroit(lines)
    compared = [(student.under(one), other.under(one)) for one in RECIPES for student, other in _DIFFERENCES]
    rows = [
        [f"{student.name} − {other.name}", *(difference_cell(lines, tasks, student, other) for tasks in _groups())]
        for student, other in compared
    ]
    return table(["difference, points", *_headings()], rows)


def bars_table(lines: Sequence[Line], compared: PublishedComparison) -> str:
    """Each bar, what there is of it so far, and whether it is met."""
    lines, rows = with_adroit(lines), []
    for tasks, bar in ((compared.tasks, COMPARED_BAR), (every_task(), ALL_BAR)):
        for policy in STUDENTS:
            found = mean_success(lines, tasks, policy)
            words = f"{policy.name}: at least {100 * bar:.0f} % over {len(tasks)} tasks"
            rows.append([words, found.cell() if found else NOT_RUN, verdict(found, bar)])
    found = mean_difference(lines, every_task(), _BEST)
    teacher = EDM.under(WHOLE)
    words = f"{_BEST.name} − {teacher.name}: at least 0 points over {len(every_task())} tasks"
    rows.append([words, found.cell("+.1f", "+.1f") if found else NOT_RUN, verdict(found, 0.0)])
    return table(["bar", "so far", "verdict"], rows)


def verdict(found: OverTasks | None, bar: float) -> str:
    """`met` or `missed` by the mean over all tasks; until all are run, nothing is decided."""
    if found is None or not found.complete:
        return "not decided yet"
    return "met" if round(found.estimate.value, 9) >= bar else "missed"


def _is_whole(lines: Sequence[Line], policy: Policy) -> bool:
    found = mean_success(lines, every_task(), policy)
    return found is not None and found.complete


def _groups() -> tuple[tuple[str, ...], ...]:
    return (*domains().values(), every_task())


def _headings() -> list[str]:
    return [*(f"{name} ({len(tasks)})" for name, tasks in domains().items()), f"all ({len(every_task())})"]
