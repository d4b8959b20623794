"""The student that was named by the core comparison, where nothing was chosen: other trainings, fresh starts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sdm_core.results import paired_difference

from sdm_training.report.core_comparison import METAWORLD
from sdm_training.report.lines import CHOSEN_ON_SEED, FRESH, Line, matching, one_per_seed, pairs
from sdm_training.report.markdown import NOT_RUN, bracket, code, table
from sdm_training.report.policies import EDM, Policy
from sdm_training.report.success import Success, difference_cell, mean_cell

# Where it seemed to gain most on its teacher.
TASKS = ("metaworld/stick-pull", "metaworld/basketball")
STUDENTS = (Policy("consistency", 1), Policy("consistency", 3))


def fresh_seeds_table(lines: Sequence[Line]) -> str:
    """Teacher and student of other trainings than was chosen by, and their difference: over the comparison's tasks on
    its own evaluation seeds, and on fresh ones."""
    others = [line for line in lines if line.get("seed") != CHOSEN_ON_SEED]
    words = f"MetaWorld's five above, without training seed {CHOSEN_ON_SEED}"
    rows = []
    for policy in STUDENTS:
        cells = (mean_cell(others, METAWORLD, EDM), mean_cell(others, METAWORLD, policy))
        rows.append([words, policy.name, *cells, difference_cell(others, METAWORLD, policy)])
    for task in TASKS:
        teacher = _lines(lines, task, EDM)
        for policy in STUDENTS:
            student = _lines(lines, task, policy)
            rows.append([code(task), policy.name, _cell(teacher), _cell(student), _difference(student, teacher)])
    return table(["tasks", "student", f"its teacher, {EDM.name}", "student", "difference, points"], rows)


def _lines(lines: Sequence[Line], task: str, policy: Policy) -> list[Line]:
    found = matching(lines, **{**FRESH, **dataclasses.asdict(policy)}, task=task)
    return one_per_seed(line for line in found if line["seed"] != CHOSEN_ON_SEED)


def _cell(found: Sequence[Line]) -> str:
    return Success(tuple(found)).cell if found else NOT_RUN


def _difference(student: Sequence[Line], teacher: Sequence[Line]) -> str:
    own, other = pairs(student, teacher)
    if not own:
        return NOT_RUN
    difference, low, high = paired_difference(own, other)
    return f"{100 * difference:+.1f} {bracket((low, high), '+.1f')} ({len(own)})"
