"""SDM's Table 5: what starting the generator from the teacher's weights brings."""

from __future__ import annotations

from collections.abc import Sequence

from sdm_training.report import action_error, core_comparison, speed, success
from sdm_training.report.lines import Line
from sdm_training.report.markdown import table
from sdm_training.report.published import PublishedTable


def ablation_table(lines: Sequence[Line], published: PublishedTable) -> str:
    """The paper's two rows, ours on the paper's tasks, and ours on the core comparison's of MetaWorld."""
    rows = [
        [row.label, "the paper's", *(column.printed[index] for column in published.columns)]
        for index, row in enumerate(published.rows)
    ]
    for name, tasks in (("the paper's", published.tasks), ("core, MetaWorld", core_comparison.METAWORLD)):
        for policy in published.ours:
            rows.append(
                [
                    f"**ours:** {policy.name}",
                    name,
                    success.mean_cell(lines, tasks, policy),
                    speed.mean_cell(lines, tasks, policy),
                    action_error.mean_cell(lines, tasks, policy),
                ]
            )
    return table(["method", "tasks", *(column.name for column in published.columns)], rows)
