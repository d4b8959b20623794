"""The project's own question: every method on the same tasks, demonstrations, networks and evaluation seeds."""

from __future__ import annotations

from collections.abc import Sequence

from sdm_training.report.lines import FINAL, Line, matching
from sdm_training.report.markdown import NONE, NOT_RUN, code, table
from sdm_training.report.policies import NETWORK, STUDENT_ROWS, TEACHER_ROWS, Policy
from sdm_training.report.speed import latency_ms
from sdm_training.report.success import (
    Success,
    difference_cell,
    mean_cell,
    over_tasks,
    reference,
    same_sampling,
    spread_cell,
    success_of_reference,
    task_cell,
)

TASKS = (
    "metaworld/door-open",
    "metaworld/sweep",
    "metaworld/basketball",
    "metaworld/push-wall",
    "metaworld/stick-pull",
    "fork/reach",
    "pusht/push-t",
)
METAWORLD = tuple(task for task in TASKS if task.startswith("metaworld/"))


def policies(lines: Sequence[Line]) -> tuple[Policy, ...]:
    """The rows: those always shown, then what else was run on the tasks, such as other networks."""
    usual = TEACHER_ROWS + STUDENT_ROWS
    run = {
        Policy(line["method"], line["nfe"], line.get("network", NETWORK), line.get("variant"))
        for line in matching(lines, **FINAL)
        if line["task"] in TASKS
    }
    return usual + tuple(sorted(run - set(usual), key=lambda policy: (policy.name, policy.nfe)))


def shown(lines: Sequence[Line]) -> list[Policy]:
    """The policies that were run on one of the tasks at least."""
    return [policy for policy in policies(lines) if over_tasks(lines, TASKS, policy)]


def success_by_task(lines: Sequence[Line]) -> str:
    """Success of each policy on each task, and the mean over MetaWorld's tasks and over all."""
    rows = [["demonstrations", *(_demonstrations(lines, task) for task in TASKS), NONE, NONE]]
    for policy in policies(lines):
        means = [mean_cell(lines, tasks, policy) for tasks in (METAWORLD, TASKS)]
        rows.append([policy.name, *(task_cell(lines, task, policy) for task in TASKS), *means])
    return table(["policy", *map(code, TASKS), "mean, MetaWorld", "mean, all"], rows)


def summary(lines: Sequence[Line]) -> str:
    """What each policy loses or gains against its reference, how far seeds spread, and what it costs."""
    rows = []
    for policy in policies(lines):
        rows.append(
            [
                policy.name,
                mean_cell(lines, TASKS, policy),
                spread_cell(lines, TASKS, policy),
                _reference_name(lines, policy),
                difference_cell(lines, TASKS, policy),
                _training_cell(lines, policy),
                _latency_cell(lines, policy),
            ]
        )
    header = ["policy", "mean success", "over seeds", "compared with", "difference, points", "training, min", "p50, ms"]
    return table(header, rows)


def scores(lines: Sequence[Line]) -> str:
    """The graded success of the tasks that have one, such as the share of PushT's target that was covered."""
    rows = []
    for task in TASKS:
        for policy in policies(lines):
            found = over_tasks(lines, [task], policy).get(task)
            graded = [line["score"] for line in found.lines if "score" in line] if found else []
            if graded:
                mean = f"{sum(graded) / len(graded):.3f}"
                rows.append([code(task), policy.name, mean, str(len(graded)), task_cell(lines, task, policy)])
    header = ["task", "policy", "mean score", "training seeds", "success"]
    return table(header, rows) if rows else f"{NOT_RUN.capitalize()}."


def _demonstrations(lines: Sequence[Line], task: str) -> str:
    counts = {line["demos"] for line in matching(lines, **FINAL, task=task) if "demos" in line}
    return ", ".join(map(str, sorted(counts))) or NOT_RUN


def _reference_name(lines: Sequence[Line], policy: Policy) -> str:
    named = [reference(line, policy) for found in over_tasks(lines, TASKS, policy).values() for line in found.lines]
    against = named[0] if named else reference({}, policy)
    return NONE if same_sampling(against, policy) else against.name


def _training_cell(lines: Sequence[Line], policy: Policy) -> str:
    """Minutes of one training, mean over tasks and seeds; for a student, its teacher's come first."""
    found = over_tasks(lines, TASKS, policy)
    if not found:
        return NOT_RUN
    own = f"{_minutes(found):.1f}"
    if not policy.described.distilled:
        return own
    teachers = {
        task: teacher for task, one in found.items() if (teacher := success_of_reference(lines, one.lines[0], policy))
    }
    return f"{_minutes(teachers):.1f} + {own}" if teachers else f"{NOT_RUN} + {own}"


def _minutes(found: dict[str, Success]) -> float:
    return sum(one.train_minutes for one in found.values()) / len(found)


def _latency_cell(lines: Sequence[Line], policy: Policy) -> str:
    latency = latency_ms(lines, policy)
    return NOT_RUN if latency is None else f"{latency:.2f}"
