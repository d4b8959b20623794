"""Any lines beside each other, such as a comparison of one's own: whatever tasks and policies they have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sdm_training.report.lines import FINAL, Line, matching, teacher_of
from sdm_training.report.markdown import code, table
from sdm_training.report.policies import METHODS, Policy
from sdm_training.report.success import (
    difference_cell,
    mean_cell,
    reference_cell,
    spread_cell,
    task_cell,
)

_NONE = ("none", 0)  # in place of a teacher's method and seed


def own_table(lines: Sequence[Line]) -> str:
    """One row a task, one column a policy; then means, and what each policy gains on the one it is compared with.

    Where a task has several numbers of demonstrations, each number has columns of its own; so has each teacher of a
    policy that was distilled from several. A policy is compared with another of as many demonstrations.
    """
    found = matching(lines, **FINAL)
    tasks = tuple(dict.fromkeys(line["task"] for line in found))
    by_demos = len({(line["task"], line.get("demos")) for line in found}) > len(tasks)
    columns: dict[tuple[Policy, int | None, str], list[Line]] = {}
    for line, teacher in zip(found, _teachers(found), strict=True):
        key = Policy.of_line(line), line.get("demos") if by_demos else None, teacher
        columns.setdefault(key, []).append(line)
    cells = [
        ([*own, *(line for line in _of_demos(found, demos) if Policy.of_line(line) != policy)], tasks, policy)
        for (policy, demos, _), own in columns.items()
    ]
    rows = [[code(task), *(task_cell(own, task, policy) for own, _, policy in cells)] for task in tasks]
    for name, cell in (
        ("mean", mean_cell),
        ("over training seeds", spread_cell),
        ("compared with", reference_cell),
        ("difference, points", difference_cell),
    ):
        rows.append([name, *(cell(*one) for one in cells)])
    return table(["success, %", *(_heading(*key) for key in columns)], rows)


def _of_demos(lines: Sequence[Line], demos: int | None) -> Sequence[Line]:
    return lines if demos is None else matching(lines, demos=demos)


def _heading(policy: Policy, demos: int | None, teacher: str) -> str:
    return policy.name + ("" if demos is None else f", {demos} demonstrations") + (teacher and f", from {teacher}")


def _teachers(lines: Sequence[Line]) -> list[str]:
    """What a column's heading says of each line's teacher: its method where a policy has several, and its seed, too,
    where one training seed has several of one method; else nothing."""
    methods, seeds = defaultdict(set), defaultdict(set)
    for line in lines:
        policy, (method, seed) = Policy.of_line(line), teacher_of(line) or _NONE
        methods[policy].add(method)
        seeds[policy, line["seed"], method].add(seed)
    by_seed = {policy for (policy, *_), several in seeds.items() if len(several) > 1}
    told = []
    for line in lines:
        policy, (method, seed) = Policy.of_line(line), teacher_of(line) or _NONE
        name = METHODS[method].name if method in METHODS else method
        if policy in by_seed:
            told.append(f"{name} seed {seed}")
        else:
            told.append(name if len(methods[policy]) > 1 else "")
    return told
