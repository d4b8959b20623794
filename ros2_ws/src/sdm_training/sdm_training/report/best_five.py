"""DP3's protocol on ten tasks of MetaWorld, config/suite/best5.yaml: how far it flatters."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence

from sdm_training.report.lines import FINAL, Line, matching, one_per_seed, reported
from sdm_training.report.markdown import code, table
from sdm_training.report.policies import DP3, SDM, THIRD, Policy
from sdm_training.report.suite_tasks import metaworld

# Every fifth, from easy to very hard.
TASKS = tuple(task for tasks in metaworld().values() for task in tasks)[4::5]
POLICIES = (DP3.under(THIRD), SDM.under(THIRD))
SNAPSHOTS, BEST, SEED = 15, 5, 0


def best_five_table(lines: Sequence[Line]) -> str:
    """Best five, the final weights on the same episodes and those of the recipe on all of theirs, in per cent, and what
    the choice among snapshots adds: of each task that was run, and the mean over them."""
    rows = []
    for policy in POLICIES:
        found = {task: both for task in TASKS if (both := _both(lines, task, policy))}
        rows += [[code(task), policy.name, *_cells(*both)] for task, both in found.items()]
        if found:
            means = (statistics.fmean(each) for each in zip(*found.values(), strict=True))
            rows.append([f"mean over {len(found)} of {len(TASKS)} tasks", policy.name, *_cells(*means)])
    header = ["task", "policy", "best five, %", "final on the same, %", "choice adds, points", "the recipe's, %"]
    return table(header, rows)


def has_best_five(lines: Sequence[Line]) -> bool:
    """Whether one of the tasks was run so."""
    return any(_both(lines, task, policy) for task in TASKS for policy in POLICIES)


def _both(lines: Sequence[Line], task: str, policy: Policy) -> tuple[float, float, float] | None:
    """The mean of the five best snapshots, the last of them, which is the final weights on the same episodes, and the
    final weights of the recipe's own training with that seed on all of theirs."""
    of_policy = {**dataclasses.asdict(policy), "seed": SEED}
    snapshots = matching(lines, **{**FINAL, **of_policy, "protocol": "snapshot", "task": task})
    rates = {line["snapshot"]: line["successes"] / line["episodes"] for line in snapshots}
    final = one_per_seed(reported(lines, task, **of_policy))
    if len(rates) < SNAPSHOTS or not final:
        return None
    best = sorted(rates.values())[-BEST:]
    return statistics.fmean(best), rates[SNAPSHOTS], final[0]["successes"] / final[0]["episodes"]


def _cells(best: float, same: float, final: float) -> list[str]:
    return [f"{100 * best:.1f}", f"{100 * same:.1f}", f"{100 * (best - same):+.1f}", f"{100 * final:.1f}"]
