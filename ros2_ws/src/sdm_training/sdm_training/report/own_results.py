"""Any lines beside each other, such as a comparison of one's own: whatever tasks and policies they have."""

from __future__ import annotations

from collections.abc import Sequence

from sdm_training.report.lines import FINAL, Line, matching
from sdm_training.report.markdown import code, table
from sdm_training.report.policies import Policy
from sdm_training.report.success import (
    difference_cell,
    mean_cell,
    reference_cell,
    spread_cell,
    task_cell,
)


def own_table(lines: Sequence[Line]) -> str:
    """One row a task, one column a policy; then means, and what each policy gains on the one it is compared with."""
    found = matching(lines, **FINAL)
    tasks = tuple(dict.fromkeys(line["task"] for line in found))
    policies = dict.fromkeys(map(Policy.of_line, found))
    rows = [[code(task), *(task_cell(lines, task, policy) for policy in policies)] for task in tasks]
    rows.append(["mean", *(mean_cell(lines, tasks, policy) for policy in policies)])
    rows.append(["over training seeds", *(spread_cell(lines, tasks, policy) for policy in policies)])
    rows.append(["compared with", *(reference_cell(lines, tasks, policy) for policy in policies)])
    rows.append(["difference, points", *(difference_cell(lines, tasks, policy) for policy in policies)])
    return table(["success, %", *(policy.name for policy in policies)], rows)
