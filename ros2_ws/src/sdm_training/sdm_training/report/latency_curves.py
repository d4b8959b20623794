"""Success where the world does not wait, against latency: from `mode: realtime` lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sdm_core.results import paired_difference

from sdm_training.evaluation.real_time import INJECTED, MEASURED
from sdm_training.report.lines import FINAL, Line, matching, of_usual_demos, one_per_seed, pairs
from sdm_training.report.markdown import NONE, NOT_RUN, bracket, code, table
from sdm_training.report.policies import Policy
from sdm_training.report.success import Success

_PROTOCOL: Line = {**FINAL, "mode": "realtime"}


@dataclass(frozen=True)
class LatencyCurve:
    """A policy on one task: its success by injected latency (ms), and how it does as late as it is by itself."""

    injected: dict[float, Success]
    own: Success | None

    @property
    def own_ms(self) -> float | None:
        """The machine's own time for an answer of the policy, where it was measured."""
        return self.own.lines[-1]["answer_ms"] if self.own else None


LatencyCurves = dict[str, dict[Policy, LatencyCurve]]
"""By task and policy, students before teachers."""


def latency_curves(lines: Sequence[Line]) -> LatencyCurves:
    """The curves of all tasks and policies that were run, training seeds pooled."""
    found = matching(lines, **_PROTOCOL)
    curves: LatencyCurves = {}
    for task in sorted({line["task"] for line in found}):
        of_task = of_usual_demos(matching(found, task=task))
        policies = {Policy.of_line(line) for line in of_task}
        curves[task] = {
            policy: _curve([line for line in of_task if Policy.of_line(line) == policy])
            for policy in sorted(policies, key=lambda policy: policy.nfe)
        }
    return curves


def latency_table(lines: Sequence[Line]) -> str:
    """Success at each latency, what the student has over the teacher there, and how much of the time it is held."""
    curves = latency_curves(lines)
    latencies = sorted({ms for of_task in curves.values() for curve in of_task.values() for ms in curve.injected})
    rows = []
    for task, of_task in curves.items():
        for policy, curve in of_task.items():
            cells = [_cell(curve.injected.get(ms)) for ms in latencies]
            rows.append([code(task), policy.name, *cells, _own_cell(curve)])
        if len(of_task) == 2:
            first, second = of_task.values()
            cells = [_difference(first.injected.get(ms), second.injected.get(ms)) for ms in latencies]
            rows.append([code(task), "difference, points", *cells, _difference(first.own, second.own)])
        held = [_held([one for curve in of_task.values() if (one := curve.injected.get(ms))]) for ms in latencies]
        rows.append([code(task), "held, % of steps", *held, _held([one.own for one in of_task.values() if one.own])])
    return table(["task", "policy", *(f"{ms:g} ms" for ms in latencies), "its own time"], rows)


def _curve(lines: Sequence[Line]) -> LatencyCurve:
    injected = matching(lines, latency=INJECTED)
    own = one_per_seed(matching(lines, latency=MEASURED, latency_ms=0.0))
    return LatencyCurve(
        {
            ms: Success(tuple(one_per_seed(matching(injected, latency_ms=ms))))
            for ms in sorted({line["latency_ms"] for line in injected})
        },
        Success(tuple(own)) if own else None,
    )


def _cell(found: Success | None) -> str:
    return found.cell if found else NOT_RUN


def _own_cell(curve: LatencyCurve) -> str:
    return f"{curve.own_ms:.1f} ms: {curve.own.cell}" if curve.own else NOT_RUN


def _difference(first: Success | None, second: Success | None) -> str:
    own, other = pairs(first.lines, second.lines) if first and second else ("", "")
    if not own:
        return NOT_RUN
    difference, low, high = paired_difference(own, other)
    return f"{100 * difference:+.0f} {bracket((low, high), '+.0f')}"


def _held(found: Sequence[Success]) -> str:
    lines = [line for one in found for line in one.lines]
    if not lines:
        return NONE
    return f"{100 * sum(line.get('held', 0.0) for line in lines) / len(lines):.0f}"
