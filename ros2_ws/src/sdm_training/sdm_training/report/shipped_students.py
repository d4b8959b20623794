"""The students in `models/`: their success beside their teacher's and plain regression's, and DP3's best five."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from sdm_core.results import paired_difference
from sdm_sim.registry import difficulty

from sdm_training.evaluation.protocols import BEST_EPISODES
from sdm_training.report.lines import SHIPPED, Line, matching, newest
from sdm_training.report.markdown import NONE, NOT_RUN, NOTHING_RUN, bracket, code, table
from sdm_training.report.policies import DP3, SDM, Policy

# Named in the README before any of them was trained; easy ones first.
TASKS = (
    "metaworld/door-open",
    "metaworld/drawer-open",
    "metaworld/push-wall",
    "metaworld/sweep",
    "metaworld/assembly",
    "metaworld/shelf-place",
)
POLICIES = (SDM, DP3, Policy("dp3", 2), Policy("dp3", 1), Policy("regression", 1))


def success_lines(lines: Sequence[Line], task: str) -> list[Line | None]:
    """One line of SHIPPED, or None, for each of POLICIES."""
    lines = matching(lines, **SHIPPED, task=task, variant=None, repeats=None)
    return [newest(lines, method=policy.method, nfe=policy.nfe) for policy in POLICIES]


def success_table(lines: Sequence[Line], tasks: Sequence[str] = TASKS) -> str:
    """Success with Wilson's intervals, the student's paired difference to its teacher at ten steps, training cost."""
    rows, means, differences = [], [[] for _ in POLICIES], []
    for task in tasks:
        found = success_lines(lines, task)
        cells = []
        for mean, line in zip(means, found, strict=True):
            if line is None:
                cells.append(NOT_RUN)
                continue
            rate = 100 * line["successes"] / line["episodes"]
            mean.append(rate)
            cells.append(f"{rate:.0f} {bracket(line['ci95'])}")
        student, teacher = found[:2]
        paired = NOT_RUN
        if student and teacher:
            middle, low, high = paired_difference(student["outcomes"], teacher["outcomes"])
            differences.append(100 * middle)
            paired = f"{100 * middle:+.0f} {bracket((low, high), '+.0f')}"
        cost = " + ".join(f"{line['train_s'] / 60:.1f}" if line else NOT_RUN for line in (teacher, student))
        rows.append([code(task), difficulty(task) or NONE, *cells, paired, cost])
    average = [f"{statistics.mean(mean):.1f}" if len(mean) == len(tasks) else NONE for mean in means]
    gap = f"{statistics.mean(differences):+.1f}" if len(differences) == len(tasks) else NONE
    rows.append(["mean", NONE, *average, gap, NONE])
    names = ["SDM @ 1", "teacher @ 10", "teacher @ 2", "teacher @ 1", "regression @ 1"]
    return table(["task", "difficulty", *names, "SDM − teacher @ 10, paired", "training, min"], rows)


def best5_table(lines: Sequence[Line]) -> str:
    """DP3's protocol (mean of the five best of a run's evaluations) beside the final checkpoint's own success."""
    rows = []
    for line in matching(lines, kind="success", protocol="best5"):
        final = newest(lines, **SHIPPED, task=line["task"], method=line["method"], nfe=line["nfe"])
        evaluations = " ".join(f"{successes}" for _, successes in line["curve"])
        best = f"{100 * line['successes'] / line['episodes']:.0f}"
        own = [NOT_RUN] * 2
        if final:
            same = final["outcomes"][:BEST_EPISODES]
            own = [f"{100 * outcomes.count('1') / len(outcomes):.0f}" for outcomes in (same, final["outcomes"])]
        rows.append([code(line["task"]), f"{line['method']} @ {line['nfe']}", evaluations, best, *own])
    evaluated = f"successes of {BEST_EPISODES}, in the order of training"
    header = ["task", "policy", evaluated, "best five, %", "final on the same, %", "final on all, %"]
    return table(header, rows) if rows else NOTHING_RUN
