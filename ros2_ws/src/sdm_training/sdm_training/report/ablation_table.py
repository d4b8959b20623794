"""SDM's Table 5: what starting the generator from the teacher's weights brings."""

from __future__ import annotations

from collections.abc import Sequence

from sdm_training.report import action_error, core_comparison, speed, success
from sdm_training.report.lines import Line
from sdm_training.report.markdown import table
from sdm_training.report.policies import THIRD
from sdm_training.report.published import PublishedTable


def ablation_table(lines: Sequence[Line], published: PublishedTable) -> str:
    """The paper's two rows, ours on the paper's tasks by the third recipe, and ours on the core comparison's; on tasks
    that all of ours were run on, where there are some."""
    rows = [
        [row.label, "the paper's", *(column.printed[index] for column in published.columns)]
        for index, row in enumerate(published.rows)
    ]
    third = [policy.under(THIRD) for policy in published.ours]
    for name, tasks, policies in (
        ("the paper's", published.tasks, third),
        ("core, MetaWorld", core_comparison.METAWORLD, published.ours),
    ):
        common = [task for task in tasks if all(success.success(lines, task, policy) for policy in policies)]
        if 0 < len(common) < len(tasks):
            name, tasks = f"{name}, {len(common)} of {len(tasks)}", tuple(common)
        for policy in policies:
            rows.append(
                [
                    f"**ours:** {policy.name}",
                    name,
                    success.mean_cell(lines, tasks, policy),
                    speed.untied_cell(lines, policy),
                    action_error.mean_cell(lines, tasks, policy),
                ]
            )
    return table(["method", "tasks", *(column.name for column in published.columns)], rows)
