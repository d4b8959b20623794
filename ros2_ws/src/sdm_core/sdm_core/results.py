"""Result lines: one JSON object a line, appended whole; every table and plot is made from them."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections import Counter
from pathlib import Path
from typing import Any

from sdm_core.errors import DatasetError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

Z95 = 1.959963984540054
NO_WAY = "-"
"""In a line's `ways`: an episode that took none."""


def append_result(path: str | Path, result: dict[str, Any]) -> None:
    """Appends one line with a single write, so that concurrent writers do not mix and a kill leaves no half line.

    The file is locked meanwhile, wherever it can be: over a network the end of a file is not found and written in one.
    """
    line = (json.dumps(result, allow_nan=False) + "\n").encode()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        _lock(handle, shared=False)
        written = os.write(handle, line)
    finally:
        os.close(handle)
    if written != len(line):
        raise DatasetError(
            f"{path}: only {written} of {len(line)} bytes written; free the disk and remove the last line"
        )


def read_results(path: str | Path) -> list[dict[str, Any]]:
    """All lines of a result file; none where it does not exist. Raises DatasetError on a line that is no JSON.

    Whoever is writing one is waited for, wherever the file can be locked.
    """
    if not Path(path).exists():
        return []
    with Path(path).open() as file:
        _lock(file.fileno(), shared=True)
        text = file.read()
    results = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                results.append(json.loads(line))
            except json.JSONDecodeError:
                raise DatasetError(f"{path}:{number}: not valid JSON; remove this line") from None
    return results


def _lock(handle: int, *, shared: bool) -> None:
    """Waits for the lock of an open file, whose closing frees it."""
    if fcntl is not None:
        # A filesystem without locks is no reason to lose what has been measured.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a success rate (E. B. Wilson, 1927), in [0, 1]."""
    if trials == 0:
        return 0.0, 1.0
    rate, z2 = successes / trials, Z95**2
    centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z95 / (1 + z2 / trials) * (rate * (1 - rate) / trials + z2 / (4 * trials**2)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def difference(successes1: int, trials1: int, successes2: int, trials2: int) -> tuple[float, float, float]:
    """Difference of two independent success rates, the first less the second, and its 95 % interval: (difference, low,
    high).

    Newcombe's tenth method for independent proportions (Statistics in Medicine, 1998): Wilson's limits of both rates,
    squares added. Raises DatasetError without a trial of either.
    """
    if not (trials1 and trials2):
        raise DatasetError(f"{trials1} and {trials2} trials cannot be compared; both need one at least")
    rate1, rate2 = successes1 / trials1, successes2 / trials2
    (low1, high1), (low2, high2) = wilson(successes1, trials1), wilson(successes2, trials2)
    below, above = math.hypot(rate1 - low1, high2 - rate2), math.hypot(high1 - rate1, rate2 - low2)
    return rate1 - rate2, rate1 - rate2 - below, rate1 - rate2 + above


def paired_difference(first: str, second: str) -> tuple[float, float, float]:
    """Difference of two success rates over the same seeds, and its 95 % interval: (difference, low, high).

    `first` and `second` hold 0 or 1 for each seed. Newcombe's tenth method for paired proportions (Statistics in
    Medicine, 1998): Wilson's limits of both rates, joined by the correlation of the outcomes.
    """
    if len(first) != len(second) or not first:
        raise DatasetError(f"{len(first)} and {len(second)} outcomes cannot be paired; evaluate both on the same seeds")
    trials = len(first)
    both = sum(a == b == "1" for a, b in zip(first, second, strict=True))
    neither = sum(a == b == "0" for a, b in zip(first, second, strict=True))
    count1, count2 = first.count("1"), second.count("1")
    rate1, rate2 = count1 / trials, count2 / trials
    (low1, high1), (low2, high2) = wilson(count1, trials), wilson(count2, trials)
    spread = (count1 * (trials - count1) * count2 * (trials - count2)) ** 0.5
    product = both * neither - (count1 - both) * (count2 - both)
    # The continuity correction applies to positive association only.
    correlation = (max(product - trials / 2, 0) if product > 0 else product) / spread if spread else 0.0
    down, up = (rate1 - low1, high2 - rate2), (high1 - rate1, rate2 - low2)
    difference = rate1 - rate2
    reach = [(a * a - 2 * correlation * a * b + b * b) ** 0.5 for a, b in (down, up)]
    return difference, difference - reach[0], difference + reach[1]


def mode_entropy(ways: str, outcomes: str, modes: int = 2) -> float:
    """Entropy of the ways that successful episodes took, in [0, 1]: 0 where all took one, 1 where all `modes` share.

    `ways` holds one character for each episode, `-` where none was taken, and `outcomes` 0 or 1. Where no episode
    succeeded it is 0. Of n episodes the expected value lies below the policy's own by about (modes − 1)/(2 n ln modes).
    """
    _require_pairs(ways, outcomes)
    taken = _ways_of_successes(ways, outcomes, modes)
    total = taken.total()
    return -sum(count / total * math.log(count / total, modes) for count in taken.values()) + 0.0


def pairwise_disagreements(ways: str, outcomes: str, repeats: int, modes: int = 2) -> list[float]:
    """How often two successes from one start took different ways: a value for each start with two successes or more.

    Each start was tried `repeats` times in a row. The value is the share of pairs that differ, over the 1 − 1/modes of
    a policy to which all `modes` are alike: Gini's index without bias, for any number of tries (E. H. Simpson, Nature,
    1949). Its expected value is 1 for such a policy and 0 for one that chooses its way by the start; a single start may
    exceed 1.
    """
    _require_pairs(ways, outcomes)
    if repeats < 1 or len(ways) % repeats:
        raise DatasetError(f"{len(ways)} episodes are not {repeats} of each start; give the line's `repeats`")
    starts = [slice(first, first + repeats) for first in range(0, len(ways), repeats)]
    counts = [_ways_of_successes(ways[start], outcomes[start], modes) for start in starts]
    return [_differing_pairs(taken) * modes / (modes - 1) for taken in counts if taken.total() > 1]


def _differing_pairs(taken: Counter[str]) -> float:
    """The share of all pairs that is of two ways."""
    total = taken.total()
    alike = sum(count * (count - 1) for count in taken.values())
    return 1 - alike / (total * (total - 1))


def _ways_of_successes(ways: str, outcomes: str, modes: int) -> Counter[str]:
    taken = Counter(way for way, outcome in zip(ways, outcomes, strict=True) if outcome == "1" and way != NO_WAY)
    if len(taken) > modes:
        raise DatasetError(f"the ways {''.join(sorted(taken))} are more than {modes} modes; give their number")
    return taken


def _require_pairs(ways: str, outcomes: str) -> None:
    if len(ways) != len(outcomes):
        raise DatasetError(f"{len(ways)} ways and {len(outcomes)} outcomes cannot be paired; take both from one line")
