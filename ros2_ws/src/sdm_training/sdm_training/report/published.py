"""Published tables: figures as printed, and what follows from them."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from sdm_core.errors import DatasetError

from sdm_training.report.policies import NETWORK, WHOLE, Policy
from sdm_training.report.published_comparison import PublishedComparison

EVERY_DOMAIN = ""  # which every domain's name begins with

_NUMBER = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True)
class Row:
    """A method as the paper names it, and the policy of this project that answers to it."""

    label: str
    nfe: int
    ours: Policy
    epochs: int | None = None

    @property
    def name(self) -> str:
        """As tables print it, such as `SDM Policy @ 1`."""
        epochs = f", {self.epochs} epochs" if self.epochs else ""
        return f"{self.label} @ {self.nfe}{epochs}"


@dataclass(frozen=True)
class Column:
    """One task, one domain of `count` tasks, or one quantity, with the printed cell of every row."""

    name: str
    printed: tuple[str, ...]
    domain: str = ""
    task: str | None = None
    count: int = 1


@dataclass(frozen=True)
class PublishedTable:
    """A table of a paper, kept by columns. `detail` is the number of the table that lists a domain's tasks."""

    paper: str
    number: int
    title: str
    quantity: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    average: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    detail: int | None = None

    @property
    def heading(self) -> str:
        """Such as `SDM Policy, Table 1: Success rate by domain`."""
        return f"{self.paper}, Table {self.number}: {self.title}"

    @property
    def ours(self) -> tuple[Policy, ...]:
        """The policies of this project that answer to the rows, each once."""
        return tuple(dict.fromkeys(row.ours for row in self.rows))

    def column(self, task: str | None) -> Column:
        """The column of a task. Raises DatasetError where the table has none."""
        for column in self.columns:
            if column.task == task:
                return column
        raise DatasetError(f"{self.heading}: has no task {task}; compare the paper")

    def tasks_of(self, domain: str) -> tuple[str, ...]:
        """The tasks of a domain; `MetaWorld` takes all its difficulties."""
        return tuple(column.task for column in self.columns if column.task and column.domain.startswith(domain))

    def mean(self, row: int, domain: str = EVERY_DOMAIN) -> float | None:
        """A row's mean over the tasks of a domain, or over all; what is printed without a number is left out."""
        columns = [column for column in self.columns if column.domain.startswith(domain)]
        figures = [(number(column.printed[row]), column.count) for column in columns]
        weighted = [(figure, count) for figure, count in figures if figure is not None]
        if not weighted:
            return None
        return statistics.fmean([figure for figure, _ in weighted], [count for _, count in weighted])


@dataclass(frozen=True)
class Published:
    """The tables of all papers, and what several papers print of one list of tasks."""

    tables: tuple[PublishedTable, ...]
    comparison: PublishedComparison

    def table(self, paper: str, number: int) -> PublishedTable:
        """One table. Raises DatasetError where it is missing."""
        for table in self.tables:
            if (table.paper, table.number) == (paper, number):
                return table
        raise DatasetError(f"no table {number} of {paper} among the published figures; add it to benchmarks/published")

    def of(self, paper: str) -> list[PublishedTable]:
        """A paper's tables, in its order."""
        return [table for table in self.tables if table.paper == paper]

    @classmethod
    def load(cls, folder: Path) -> Published:
        """Reads every paper's file, and that of the comparison. Raises DatasetError where one of them, or a cell, is
        missing."""
        documents = {file: yaml.safe_load(file.read_text()) for file in sorted(folder.glob("*.yaml"))}
        papers = {file: document for file, document in documents.items() if "paper" in document}
        if not papers:
            raise DatasetError(f"{folder}: holds no published figures (*.yaml); name the folder with --published")
        tables = tuple(table for file, document in papers.items() for table in _tables(file, document))
        for file, document in documents.items():
            if "comparison" in document:
                return cls(tables, PublishedComparison.read(file, document))
        raise DatasetError(f"{folder}: holds no published comparison of several papers; add its file")


def number(printed: str) -> float | None:
    """The figure in a printed cell, `45 ± 5` or `10.78Hz`; None in `-` or `Failure`."""
    found = _NUMBER.match(printed)
    return float(found[0]) if found else None


def decimals(printed: str) -> int:
    """How many decimals a printed cell has."""
    found = _NUMBER.match(printed)
    return len(found[1] or ".") - 1 if found else 0


def _tables(file: Path, document: dict[str, Any]) -> list[PublishedTable]:
    return [_table(file, document["paper"], entry) for entry in document["tables"]]


def _table(file: Path, paper: str, entry: dict[str, Any]) -> PublishedTable:
    rows = tuple(Row(row["label"], row["nfe"], _ours(row), row.get("epochs")) for row in entry["methods"])
    columns = tuple(_column(column) for column in entry["columns"])
    table = PublishedTable(
        paper=paper,
        number=entry["number"],
        title=entry["title"],
        quantity=entry["quantity"],
        rows=rows,
        columns=columns,
        average=tuple(entry.get("average", ())),
        notes=tuple(entry.get("notes", ())),
        tasks=tuple(entry.get("tasks", ())),
        detail=entry.get("detail"),
    )
    for name, printed in [*((column.name, column.printed) for column in columns), ("average", table.average)]:
        if len(printed) != len(rows) and (printed or name != "average"):
            raise DatasetError(
                f"{file}: table {table.number}, {name} has {len(printed)} figures for {len(rows)} methods; "
                "compare the paper"
            )
    return table


def _ours(row: dict[str, Any]) -> Policy:
    ours = Policy(row["ours"], row["nfe"], row.get("network", NETWORK), row.get("variant"))
    return ours.under(WHOLE) if row.get("campaign") else ours


def _column(entry: dict[str, Any]) -> Column:
    printed: Sequence[str] = entry["printed"]
    domain = entry.get("domain", "")
    return Column(entry.get("name", domain), tuple(printed), domain, entry.get("task"), entry.get("count", 1))
