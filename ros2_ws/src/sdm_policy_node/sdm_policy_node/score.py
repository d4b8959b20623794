"""sdm-score: how often recorded episodes succeeded, as their operator judged them, and how far two policies differ."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from sdm_core.datasets.dataset import SUCCESS, UNLABELLED, EpisodeStore
from sdm_core.errors import DatasetError, SdmError
from sdm_core.results import difference, paired_difference, wilson


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(
        prog="sdm-score",
        description="Success of the episodes that an operator judged (recorder_node's ~/label), with Wilson's 95 % "
        "interval; of two datasets also the difference, the first less the second, with Newcombe's.",
    )
    made.add_argument("datasets", nargs="+", help="one .zarr a policy, of the episodes that it was recorded in")
    made.add_argument(
        "--paired",
        action="store_true",
        help="the n-th episodes of both began alike, things laid on the same marks: a narrower interval",
    )
    return made


def run(paths: Sequence[str], paired: bool = False) -> list[str]:
    """The lines to be printed. Raises DatasetError where a dataset cannot be read, or two cannot be compared."""
    judged = [(path, _judged(path)) for path in paths]
    lines = [_summary(path, outcomes) for path, outcomes in judged]
    if len(judged) != 2:
        if paired:
            raise DatasetError(f"--paired compares two datasets, and {len(judged)} were named")
        return lines
    (first, one), (second, other) = judged
    if paired:
        _require_pairs(judged)
        found = paired_difference(one, other)
    else:
        one, other = (outcomes.replace("?", "") for outcomes in (one, other))
        if not (one and other):
            return lines
        found = difference(one.count("1"), len(one), other.count("1"), len(other))
    points, low, high = (100 * value for value in found)
    return [*lines, f"{first} − {second}: {points:+.0f} points [{low:+.0f}, {high:+.0f}]{', paired' if paired else ''}"]


def _judged(path: str) -> str:
    """1, 0 or ? (never judged) for each episode."""
    store = EpisodeStore.view(path)
    return "".join({SUCCESS: "1", UNLABELLED: "?"}.get(int(outcome), "0") for outcome in store.outcomes)


def _summary(path: str, outcomes: str) -> str:
    successes, unjudged = outcomes.count("1"), outcomes.count("?")
    trials = len(outcomes) - unjudged
    if not trials:
        return f"{path}: none of {len(outcomes)} episodes was judged; keep them with recorder_node/label"
    low, high = wilson(successes, trials)
    left_out = f"; {unjudged} not judged" if unjudged else ""
    rate = f"{100 * successes / trials:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"
    return f"{path}: {successes} of {trials} succeeded: {rate}{left_out}"


def _require_pairs(judged: Sequence[tuple[str, str]]) -> None:
    for path, outcomes in judged:
        if "?" in outcomes:
            raise DatasetError(
                f"{path}: episode {outcomes.index('?')} was not judged, and pairs need all; leave --paired out"
            )
    (first, one), (second, other) = judged
    if len(one) != len(other):
        raise DatasetError(
            f"{first} has {len(one)} episodes and {second} {len(other)}: pairs need as many of both; leave --paired out"
        )


def main() -> None:
    """Entry point."""
    options = parser().parse_args()
    try:
        print("\n".join(run(options.datasets, options.paired)))
    except SdmError as error:
        sys.exit(f"error: {error}")
