"""What the cockpit costs the loop, and how soon its page is there, stops the arm, and says what has died."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdm_training.report.lines import Line, matching
from sdm_training.report.markdown import NONE, NOTHING_RUN, table

_LOOPS = {
    "answer_p50": "answer, p50",
    "answer_p99": "answer, p99",
    "loop_p50": "loop, p50",
    "loop_p99": "loop, p99",
    "period_p50": "between two commands, p50",
    "period_p99": "between two commands, p99",
}
_PAGE = {
    "shown": "the page is opened, the scene is drawn",
    "braked": "pause is clicked, the gate brakes the arm",
    "rest": "pause is clicked, the arm is led no farther",
    "gone": "policy_node is killed, the headline is red",
}


def cost_table(lines: Sequence[Line]) -> str:
    """The newest run of `benchmarks/cockpit.py`."""
    found = matching(lines, kind="cockpit")
    if not found:
        return NOTHING_RUN
    line = found[-1]
    rows = []
    for key, name in _LOOPS.items():
        (alone, beside), (low, high) = line[f"{key}_ms"], line[f"{key}_ci95"]
        ratio = line[f"{key}_ratio"]
        rows.append([name, f"{alone:.2f}", f"{beside:.2f}", f"{ratio:.3f} [{low:.3f}, {high:.3f}]"])
    said = (
        f"{line['pairs']} pairs of {line['seconds']:g} s, {line['loops']:,} answers; "
        f"the cockpit takes {line['cockpit_cpu']:.0%} of a core. {_measured(line)}"
    )
    return table(["", "alone, ms", "beside the cockpit, ms", "times"], rows) + f"\n\n{said}"


def page_table(lines: Sequence[Line]) -> str:
    """The newest run of `benchmarks/cockpit_page.py`."""
    found = matching(lines, kind="cockpit_page")
    if not found:
        return NOTHING_RUN
    line = found[-1]
    rows = [
        [
            name,
            str(line["trials"]),
            f"{np.median(line[f'{key}_ms']):.0f}",
            f"{max(line[f'{key}_ms']):.0f}",
            str(line["allowed_ms"].get(key, NONE)),
        ]
        for key, name in _PAGE.items()
    ]
    return table(["from … to …", "trials", "p50, ms", "max, ms", "allowed, ms"], rows) + f"\n\n{_measured(line)}"


def _measured(line: Line) -> str:
    return f"Measured at load {line['load']} on {line['machine']}, {line['date']}, commit {line['commit']}."
