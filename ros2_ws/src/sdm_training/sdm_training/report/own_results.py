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
    """One row a task, one column a policy; then means, and what each policy gains on the one it is compared with.

    Where a task has several numbers of demonstrations, each number has columns of its own.
    """
    found = matching(lines, **FINAL)
    tasks = tuple(dict.fromkeys(line["task"] for line in found))
    several = len({(line["task"], line.get("demos")) for line in found}) > len(tasks)
    columns = dict.fromkeys((Policy.of_line(line), line.get("demos") if several else None) for line in found)
    # A policy is compared with another of as many demonstrations.
    of_column = [(matching(found, demos=demos) if several else found, tasks, policy) for policy, demos in columns]
    rows = [[code(task), *(task_cell(own, task, policy) for own, _, policy in of_column)] for task in tasks]
    for name, cell in (
        ("mean", mean_cell),
        ("over training seeds", spread_cell),
        ("compared with", reference_cell),
        ("difference, points", difference_cell),
    ):
        rows.append([name, *(cell(*column) for column in of_column)])
    return table(["success, %", *(policy.name + _demos(demos) for policy, demos in columns)], rows)


def _demos(demos: int | None) -> str:
    return "" if demos is None else f", {demos} demonstrations"
