"""SDM's Tables 2, 7, 8 and 9, transposed: tasks as rows, the paper's methods and then ours as columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sdm_training.report import action_error, speed, success
from sdm_training.report.domain_tables import MEAN_CELLS
from sdm_training.report.lines import Line
from sdm_training.report.markdown import table
from sdm_training.report.policies import Policy
from sdm_training.report.published import EVERY_DOMAIN, PublishedTable

TaskCell = Callable[[Sequence[Line], str, Policy], str]
TASK_CELLS: dict[str, TaskCell] = {
    "success": success.task_cell,
    "speed": speed.task_cell,
    "action_error": action_error.task_cell,
}


def task_table(lines: Sequence[Line], published: PublishedTable) -> str:
    """A table by task, in the paper's order, with the printed averages last."""
    task_cell, mean_cell = TASK_CELLS[published.quantity], MEAN_CELLS[published.quantity]
    rows = []
    for column in published.columns:
        assert column.task is not None  # of a table by task
        ours = [task_cell(lines, column.task, policy) for policy in published.ours]
        rows.append([column.domain, column.name, *column.printed, *ours])
    tasks = published.tasks_of(EVERY_DOMAIN)
    average = [mean_cell(lines, tasks, policy) for policy in published.ours]
    rows.append(["all", "average", *published.average, *average])
    header = ["domain", "task", *(row.name for row in published.rows)]
    return table([*header, *(f"ours: {policy.name}" for policy in published.ours)], rows)
