"""The result lines that were drawn at random and evaluated again."""

from __future__ import annotations

from collections.abc import Sequence

from sdm_training.report.lines import Line, matching
from sdm_training.report.markdown import NOTHING_RUN, code, table
from sdm_training.report.policies import Policy

HEADER = ["task", "policy", "training seed", "successes", "again", "outcomes", "machine", "machine, again"]


def recheck_table(lines: Sequence[Line]) -> str:
    """What each comparison found, in the order in which they were made."""
    rows = [_row(line) for line in matching(lines, kind="recheck")]
    return table(HEADER, rows) if rows else NOTHING_RUN


def _row(line: Line) -> list[str]:
    policy = Policy.of_line(line)
    recorded, again = line["recorded"], {key: line[key] for key in ("machine", "commit")}
    return [
        code(line["task"]),
        policy.name,
        str(line["seed"]),
        f"{line['recorded_successes']} of {line['episodes']}",
        f"{line['successes']} of {line['episodes']}",
        f"{len(line['differ'])} of {line['episodes']} differ" if line["differ"] else "the same",
        *(f"{origin['machine']} ({code(origin['commit'])})" for origin in (recorded, again)),
    ]
