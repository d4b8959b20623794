"""What the comparison has cost: CPU hours of its jobs, from lines of `kind: job` that sdm-benchmark leaves."""

from __future__ import annotations

import statistics
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Sequence

from sdm_training.report.campaign import every_task
from sdm_training.report.lines import FINAL, SHIPPED, Line, matching
from sdm_training.report.markdown import NONE, table

STAGES = ("demonstrations", "training", "evaluation")
_HOUR, _MINUTE = 3600.0, 60.0


def jobs(lines: Iterable[Line]) -> list[Line]:
    """What each job has cost."""
    return matching(lines, kind="job")


def cost_table(lines: Sequence[Line]) -> str:
    """CPU and wall time by stage and together; what was trained in stacks belongs to no single task."""
    found = jobs(lines)
    rows = [_row(stage, matching(found, stage=stage)) for stage in STAGES]
    header = ["stage", "jobs", "failed", "attempts killed", "CPU, h", "wall, h", "CPU a task, min (median, tasks)"]
    return table(header, [*rows, _row("together", found)])


def _row(stage: str, found: Sequence[Line]) -> list[str]:
    killed = sum(line["attempts"] - 1 for line in found)
    hours = [f"{sum(line[key] for line in found) / _HOUR:.2f}" for key in ("cpu_s", "wall_s")]
    return [stage, str(len(found)), str(len(matching(found, outcome="failed"))), str(killed), *hours, _of_a_task(found)]


def _of_a_task(found: Sequence[Line]) -> str:
    by_task: dict[str, float] = defaultdict(float)
    for line in found:
        if "task" in line:
            by_task[line["task"]] += line["cpu_s"]
    return f"{statistics.median(by_task.values()) / _MINUTE:.1f} ({len(by_task)})" if by_task else NONE


def trainings_without_a_job(lines: Sequence[Line]) -> dict[tuple[object, ...], float]:
    """`train_s` of each training that was evaluated on the campaign's tasks and has no job's line: of such a training
    that alone is known. Those of stacks are left out, since their time is not theirs alone."""
    known = {_training(line) for line in matching(jobs(lines), stage="training", outcome="done")}
    tasks = set(every_task())
    return {
        _training(line): line["train_s"]
        for line in matching(lines, **FINAL)
        if line["task"] in tasks
        and line.get("collection") != SHIPPED["collection"]
        and "stacked" not in line
        and _training(line) not in known
    }


def cost_text(lines: Sequence[Line]) -> str:
    """The table, and how much is known of what has no line of its own."""
    rest = trainings_without_a_job(lines)
    if not rest:
        return cost_table(lines)
    words = (
        f"Not in the table: {len(rest)} of the trainings on the 53 tasks, which no job's line tells of. Their own time "
        f"was {sum(rest.values()) / _HOUR:.1f} h (`train_s` of their lines: CPU time, of the oldest wall time); what "
        "their demonstrations, exports and evaluations cost was not kept. Trainings in stacks on a GPU are left out."
    )
    return f"{cost_table(lines)}\n\n{textwrap.fill(words, 120)}"


def _training(line: Line) -> tuple[object, ...]:
    return tuple(line.get(key) for key in ("task", "method", "variant", "network", "seed"))
