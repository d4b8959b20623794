"""What the mark at a hidden goal is worth: tasks of MetaWorld that were run with it and without."""

from __future__ import annotations

from collections.abc import Sequence

from sdm_sim.metaworld.suite import HIDDEN_GOAL, with_goal_shown

from sdm_training.report.lines import Line
from sdm_training.report.markdown import NOTHING_RUN, code, table
from sdm_training.report.policies import DP3, SDM
from sdm_training.report.success import success, task_cell
from sdm_training.report.suite_tasks import METAWORLD

POLICIES = (DP3, SDM)


def goal_mark_table(lines: Sequence[Line]) -> str:
    """Success of each policy without the mark and with it, on the tasks where any was run without."""
    rows = []
    for task in HIDDEN_GOAL:
        plain, marked = METAWORLD + task, METAWORLD + with_goal_shown(task)
        if any(success(lines, plain, policy) for policy in POLICIES):
            cells = [task_cell(lines, name, policy) for policy in POLICIES for name in (plain, marked)]
            rows.append([code(plain), *cells])
    header = ["task", *(f"{policy.name}, {shown}" for policy in POLICIES for shown in ("hidden", "shown"))]
    return table(header, rows) if rows else NOTHING_RUN
