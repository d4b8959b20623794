"""The policies of the Franka cell: offline, and driven in real time through the nodes of `franka.launch.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sdm_training.report.lines import FINAL, Line, matching, one_per_seed
from sdm_training.report.markdown import NONE, NOT_RUN, code, rate_cell, table
from sdm_training.report.policies import DP3, SDM

TASKS = ("franka/pick-place", "franka/pick-moving")
POLICIES = (SDM, DP3)


def franka_table(lines: Sequence[Line]) -> str:
    """Success offline and in real time, and the shares of steps that had no command of their own in time, or began
    late themselves."""
    rows = []
    for task in TASKS:
        for policy in POLICIES:
            which = {"collection": "franka", "task": task, "method": policy.method, "nfe": policy.nfe}
            offline, driven = (_reported(lines, **which, mode=mode) for mode in ("direct", "graph"))
            shares = [_share(driven, counted) for counted in ("missed_steps", "late_steps")]
            commits = " / ".join(line["commit"][:7] if line else NONE for line in (offline, driven))
            rows.append([code(task), policy.name, _cell(offline), _cell(driven), *shares, commits])
    header = ["task", "policy", "offline", "on the graph, in real time", "steps without a command, %", "late steps, %"]
    return table([*header, "sources, offline / graph"], rows)


def _reported(lines: Sequence[Line], **wanted: Any) -> Line | None:
    found = one_per_seed(matching(lines, **{**FINAL, **wanted}))
    return found[0] if found else None


def _share(line: Line | None, counted: str) -> str:
    return f"{100 * line[counted] / line['steps']:.1f}" if line else NOT_RUN


def _cell(line: Line | None) -> str:
    if line is None:
        return NOT_RUN
    return rate_cell(line["successes"] / line["episodes"], line["ci95"], line["episodes"])
