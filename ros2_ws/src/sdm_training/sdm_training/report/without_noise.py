"""What a policy's noise is good for: success with none, beside its own on the same starts."""

from __future__ import annotations

from collections.abc import Sequence

from sdm_core.results import paired_difference

from sdm_training.evaluation.protocols import POLICY
from sdm_training.report.lines import FINAL, Line, matching, newest
from sdm_training.report.markdown import NOTHING_RUN, bracket, code, rate_cell, table
from sdm_training.report.policies import Policy

# A line's, and its own with noise; older ones do not name the teacher.
_SAME = ({*POLICY} - {"teacher"}) | {"task", "episodes", "collection"}


def success_table(lines: Sequence[Line]) -> str:
    """Success with Wilson's intervals of each policy that was run without noise, and the paired difference."""
    rows, noiseless = [], {**FINAL, "noise_scale": 0.0}
    for line in matching(lines, **noiseless):
        same = {key: line.get(key) for key in _SAME}
        usual = newest(lines, **FINAL, **same)
        if usual and line is newest(lines, **noiseless, **same):
            middle, low, high = paired_difference(line["outcomes"], usual["outcomes"])
            paired = f"{100 * middle:+.0f} {bracket((low, high), '+.0f')}"
            rows.append([code(line["task"]), Policy.of_line(usual).name, _rate(usual), _rate(line), paired])
    header = ["task", "policy", "noise as in training", "none", "none − noise, paired"]
    return table(header, rows) if rows else NOTHING_RUN


def _rate(line: Line) -> str:
    return rate_cell(line["successes"] / line["episodes"], line["ci95"], line["episodes"])
