"""SDM's Tables 1, 3 and 4: methods as rows, domains as columns; the paper's rows first, then ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sdm_training.report import action_error, speed, success
from sdm_training.report.lines import Line
from sdm_training.report.markdown import NOT_PRINTED, table
from sdm_training.report.policies import Policy
from sdm_training.report.published import EVERY_DOMAIN, PublishedTable

MeanCell = Callable[[Sequence[Line], Sequence[str], Policy], str]
MEAN_CELLS: dict[str, MeanCell] = {
    "success": success.mean_cell,
    "speed": speed.mean_cell,
    "action_error": action_error.mean_cell,
}


def domain_table(lines: Sequence[Line], published: PublishedTable, detail: PublishedTable) -> str:
    """A table by domain; `detail` is the paper's table of the single tasks, which says what a domain consists of."""
    mean_cell, domains = MEAN_CELLS[published.quantity], [column.domain for column in published.columns]
    rows = []
    for index, row in enumerate(published.rows):
        cells = [*(column.printed[index] for column in published.columns), published.average[index]]
        rows.append([row.name, *(NOT_PRINTED if cell == "-" else cell for cell in cells)])
    for policy in published.ours:
        cells = [mean_cell(lines, detail.tasks_of(domain), policy) for domain in [*domains, EVERY_DOMAIN]]
        rows.append([f"**ours:** {policy.name}", *cells])
    return table(["method", *(f"{column.domain} ({column.count})" for column in published.columns), "average"], rows)
