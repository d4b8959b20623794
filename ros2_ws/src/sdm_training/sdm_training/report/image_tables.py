"""SDM's Tables 10–12 and OneDP's Tables 1–2, policies on images: every row of the paper, with ours in each cell."""

from __future__ import annotations

from collections.abc import Sequence

from sdm_training.report.lines import Line
from sdm_training.report.markdown import NONE, NOT_RUN, table
from sdm_training.report.policies import Policy
from sdm_training.report.published import PublishedTable
from sdm_training.report.success import success
from sdm_training.report.task_tables import TASK_CELLS, TaskCell


def score_cell(lines: Sequence[Line], task: str, policy: Policy) -> str:
    """The task's graded success where it has one, as the papers report PushT; else the rate of success."""
    found = success(lines, task, policy)
    if not found:
        return NOT_RUN
    return f"{found.rate.value if found.score is None else found.score:.3f} ({found.episodes})"


CELLS: dict[str, TaskCell] = {**TASK_CELLS, "score": score_cell}


def image_table(lines: Sequence[Line], published: PublishedTable) -> str:
    """A table by task, each cell `printed / ours`."""
    cell = CELLS[published.quantity]
    rows = []
    for index, row in enumerate(published.rows):
        cells = []
        for column in published.columns:
            assert column.task is not None  # of a table by task
            cells.append(f"{column.printed[index]} / {cell(lines, column.task, row.ours)}")
        average = [published.average[index]] if published.average else []
        rows.append([row.label, str(row.epochs or NONE), str(row.nfe), *cells, *average])
    header = ["method", "epochs", "NFE", *(f"{column.name}, paper / ours" for column in published.columns)]
    return table([*header, "average, paper"] if published.average else header, rows)
