"""The project's own question: every method on the same tasks, demonstrations, networks and evaluation seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from sdm_training.report.lines import Line, counterparts, is_distilled, of_task
from sdm_training.report.markdown import NONE, NOT_RUN, NOTHING_RUN, code, table
from sdm_training.report.policies import NETWORK, RECIPES, STUDENT_ROWS, TEACHER_ROWS, Policy
from sdm_training.report.speed import latency_ms
from sdm_training.report.success import (
    difference_cell,
    mean_cell,
    over_tasks,
    reference_cell,
    spread_cell,
    success,
    success_of_reference,
    task_cell,
)

FORK, PUSHT = "fork/reach", "pusht/push-t"
TASKS = (
    "metaworld/door-open",
    "metaworld/sweep",
    "metaworld/basketball",
    "metaworld/push-wall",
    "metaworld/stick-pull",
    FORK,
    PUSHT,
)
# Which every policy's mean is of, so that no row's is over other tasks than its neighbour's.
METAWORLD = tuple(task for task in TASKS if task.startswith("metaworld/"))


def policies(lines: Sequence[Line]) -> tuple[Policy, ...]:
    """The rows: those always shown, then what else was run on the tasks, such as other networks.

    The campaign's have recipes of their own, with turned copies of the demonstrations, and are not of this comparison.
    """
    usual = TEACHER_ROWS + STUDENT_ROWS
    campaign_networks = {recipe.network for recipe in RECIPES} - {NETWORK}
    run = {Policy.of_line(line) for task in TASKS for line in of_task(lines, task)}
    others = {policy for policy in run - set(usual) if policy.network not in campaign_networks}
    return usual + tuple(sorted(others, key=lambda policy: (policy.name, policy.nfe)))


def shown(lines: Sequence[Line]) -> list[Policy]:
    """The policies that were run on one of the tasks at least."""
    return [policy for policy in policies(lines) if over_tasks(lines, TASKS, policy)]


def success_by_task(lines: Sequence[Line]) -> str:
    """Success of each policy on each task, and the mean over MetaWorld's tasks."""
    rows = [["demonstrations", *(_demonstrations(lines, task) for task in TASKS), NONE]]
    for policy in policies(lines):
        cells = [task_cell(lines, task, policy) for task in TASKS]
        rows.append([policy.name, *cells, mean_cell(lines, METAWORLD, policy)])
    return table(["policy", *map(code, TASKS), "mean, MetaWorld"], rows)


def summary(lines: Sequence[Line]) -> str:
    """What each policy loses or gains against its reference, how far seeds spread, and what it costs."""
    rows = []
    for policy in policies(lines):
        rows.append(
            [
                policy.name,
                mean_cell(lines, METAWORLD, policy),
                spread_cell(lines, METAWORLD, policy),
                reference_cell(lines, TASKS, policy),
                difference_cell(lines, METAWORLD, policy),
                _training_cell(lines, policy),
                task_cell(lines, FORK, policy),
                _score_cell(lines, PUSHT, policy),
                _latency_cell(lines, policy),
            ]
        )
    of_metaworld = ["success", "over seeds", "compared with", "difference, points", "training, min"]
    return table(["policy", *of_metaworld, code(FORK), f"{code(PUSHT)}, score", "p50, ms"], rows)


def scores(lines: Sequence[Line]) -> str:
    """The graded success of the tasks that have one, such as the share of PushT's target that was covered."""
    rows = []
    for task in TASKS:
        for policy in policies(lines):
            found = success(lines, task, policy)
            if found and found.score is not None:
                score = _score_cell(lines, task, policy)
                rows.append([code(task), policy.name, score, str(len(found.lines)), found.cell])
    header = ["task", "policy", "mean score", "training seeds", "success"]
    return table(header, rows) if rows else NOTHING_RUN


def _demonstrations(lines: Sequence[Line], task: str) -> str:
    found = of_task(lines, task)
    return str(found[0].get("demos", NONE)) if found else NOT_RUN


def _score_cell(lines: Sequence[Line], task: str, policy: Policy) -> str:
    found = success(lines, task, policy)
    return f"{found.score:.3f}" if found and found.score is not None else NOT_RUN


def _training_cell(lines: Sequence[Line], policy: Policy) -> str:
    """Minutes until the training had ended, mean over its runs; for a student, its teacher's come first.

    Such as `1.2 (30 together) + 1.4 (35 together)`.
    """
    found = over_tasks(lines, METAWORLD, policy)
    if not found:
        return NOT_RUN
    own = _minutes(line for one in found.values() for line in one.lines)
    if not any(is_distilled(line) for one in found.values() for line in one.lines):
        return own
    teachers = [
        teacher
        for one in found.values()
        if (reference := success_of_reference(lines, one.lines[0], policy))
        for line in one.lines
        for teacher in counterparts(line, reference.lines)
    ]
    return f"{_minutes(teachers) if teachers else NOT_RUN} + {own}"


def _minutes(trained: Iterable[Line]) -> str:
    """A mean for each way of training: `1.2 (30 together), 4.1 (alone)`, or `4.1` where all trained alone."""
    ways: dict[int, list[float]] = {}
    for line in trained:
        ways.setdefault(line.get("stacked", 1), []).append(line["train_s"] / 60)
    if set(ways) == {1}:
        return f"{statistics.fmean(ways[1]):.1f}"
    return ", ".join(
        f"{statistics.fmean(minutes):.1f} ({f'{stacked} together' if stacked > 1 else 'alone'})"
        for stacked, minutes in sorted(ways.items(), reverse=True)
    )


def _latency_cell(lines: Sequence[Line], policy: Policy) -> str:
    latency = latency_ms(lines, policy)
    return NOT_RUN if latency is None else f"{latency:.2f}"
