"""Where the printed tables contradict themselves or each other."""

from __future__ import annotations

from sdm_training.report.markdown import table
from sdm_training.report.published import Published, PublishedTable, decimals, number
from sdm_training.report.published_comparison import PublishedComparison


def contradictions(published: Published) -> list[list[str]]:
    """Rows (where, method, printed, what contradicts it) of every figure that does not follow from the others."""
    rows = []
    for one in published.tables:
        detail = published.table(one.paper, one.detail) if one.detail else None
        # Of how many tasks the averages of speed and error by domain are is not said: failed tasks have none.
        if detail is None or one.quantity == "success":
            rows += _averages(one)
        if detail:
            rows += _domains(one, detail)
    rows += _differing_cells(published.table("SDM Policy", 2), published.table("SDM Policy", 7))
    return rows + _compared(published.comparison)


def contradiction_table(published: Published) -> str:
    """The same, in Markdown."""
    return table(["table", "method", "printed", "but"], contradictions(published))


def _averages(one: PublishedTable) -> list[list[str]]:
    rows = []
    for index, printed in enumerate(one.average):
        where, words = f"{one.paper}, Table {one.number}, average", "its own cells average to"
        rows += _recomputed(where, one.rows[index].label, printed, one.mean(index), words)
    return rows


def _compared(one: PublishedComparison) -> list[list[str]]:
    rows = []
    for method in one.methods:
        where, words = f"{one.title}, average", "its own cells average to"
        rows += _recomputed(where, method.label, method.average, one.mean(method), words)
    return rows


def _domains(one: PublishedTable, detail: PublishedTable) -> list[list[str]]:
    rows, indices = [], {row.label: index for index, row in enumerate(detail.rows)}
    for column in one.columns:
        for index, row in enumerate(one.rows):
            if row.label in indices:
                mean = detail.mean(indices[row.label], column.domain)
                where = f"{one.paper}, Table {one.number}, {column.domain}"
                words = f"Table {detail.number}'s tasks average to"
                rows += _recomputed(where, row.label, column.printed[index], mean, words)
    return rows


def _recomputed(where: str, label: str, printed: str, mean: float | None, words: str) -> list[list[str]]:
    """A row where the mean is further from what is printed than rounding explains: one unit of the last digit."""
    figure, digits = number(printed), decimals(printed)
    if figure is None or mean is None or abs(figure - mean) <= 1.001 * 10**-digits:
        return []
    return [[where, label, printed, f"{words} {mean:.{digits}f}"]]


def _differing_cells(few: PublishedTable, all_tasks: PublishedTable) -> list[list[str]]:
    rows = []
    for column in few.columns:
        other = all_tasks.column(column.task)
        for row, printed, again in zip(few.rows, column.printed, other.printed, strict=True):
            if printed != again:
                where = f"{few.paper}, Table {few.number}, {column.domain}: {column.name}"
                rows.append([where, row.label, printed, f"Table {all_tasks.number} prints {again}"])
    return rows
