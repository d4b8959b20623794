"""Any lines beside each other, such as a comparison of one's own: whatever tasks and policies they have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sdm_training.report.lines import FINAL, Line, matching
from sdm_training.report.markdown import code, table
from sdm_training.report.policies import METHODS, Policy
from sdm_training.report.success import (
    difference_cell,
    mean_cell,
    reference_cell,
    spread_cell,
    task_cell,
    taught_by,
)


@dataclass(frozen=True)
class _Column:
    """A policy, and what else tells its lines from others of the same policy: only what differs between them."""

    policy: Policy
    demos: int | None
    teacher: str | None

    @property
    def heading(self) -> str:
        demos = "" if self.demos is None else f", {self.demos} demonstrations"
        teacher = "" if self.teacher is None else f", from {self.teacher}"
        return f"{self.policy.name}{demos}{teacher}"

    def of(self, lines: Sequence[Line]) -> list[Line]:
        """Its own lines, and those of the policies that it may be compared with: of as many demonstrations."""
        found = lines if self.demos is None else matching(lines, demos=self.demos)
        if self.teacher is None:
            return list(found)
        return [line for line in found if Policy.of_line(line) != self.policy or _teacher(line) == self.teacher]


def own_table(lines: Sequence[Line]) -> str:
    """One row a task, one column a policy; then means, and what each policy gains on the one it is compared with.

    Where a task has several numbers of demonstrations, each number has columns of its own; so has each teacher of a
    policy that was distilled from several.
    """
    found = matching(lines, **FINAL)
    tasks = tuple(dict.fromkeys(line["task"] for line in found))
    columns = _columns(found)
    cells = [(column.of(found), tasks, column.policy) for column in columns]
    rows = [[code(task), *(task_cell(own, task, policy) for own, _, policy in cells)] for task in tasks]
    for name, cell in (
        ("mean", mean_cell),
        ("over training seeds", spread_cell),
        ("compared with", reference_cell),
        ("difference, points", difference_cell),
    ):
        rows.append([name, *(cell(*one) for one in cells)])
    return table(["success, %", *(column.heading for column in columns)], rows)


def _columns(lines: Sequence[Line]) -> list[_Column]:
    by_demos = len({(line["task"], line.get("demos")) for line in lines}) > len({line["task"] for line in lines})
    teachers = Counter(policy for policy, _ in {(Policy.of_line(line), _teacher(line)) for line in lines})
    found = {}
    for line in lines:
        policy = Policy.of_line(line)
        teacher = _teacher(line) if teachers[policy] > 1 else None
        found[_Column(policy, line.get("demos") if by_demos else None, teacher)] = None
    return list(found)


def _teacher(line: Line) -> str:
    """Its printed name."""
    method = taught_by(line) or "a teacher without name"
    return METHODS[method].name if method in METHODS else method
