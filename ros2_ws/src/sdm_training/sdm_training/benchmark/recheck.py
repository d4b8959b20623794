"""Result lines drawn at random are evaluated again, and their outcomes compared episode by episode."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sdm_core.errors import DatasetError, SdmError

from sdm_training import provenance
from sdm_training.evaluation.closed_loop import USUAL_BACKEND, Outcome, World, evaluate
from sdm_training.evaluation.protocols import POLICY
from sdm_training.evaluation.result_line import checkpoint_of, digest, has_noise_apart, seeds_of
from sdm_training.provenance import ORIGIN
from sdm_training.report.lines import matching
from sdm_training.report.policies import Policy

IDENTITY = ("task", *POLICY, "camera_noise", "environments", "replan_steps", "noise_scale")
"""What tells the reader which line it was."""


def candidates(lines: Sequence[dict[str, Any]], root: Path) -> list[dict[str, Any]]:
    """The lines that can be evaluated again: of final weights, in a world that waits, whose checkpoint is there."""
    found = matching(lines, kind="success", mode="direct", protocol="final")
    return [line for line in found if "outcomes" in line and _is_there(line, root)]


def draw(lines: Sequence[dict[str, Any]], count: int, seed: int) -> list[dict[str, Any]]:
    """`count` of the lines at random, the same ones for the same lines and seed, whatever their order.

    Raises DatasetError where there are fewer.
    """
    if len(lines) < count:
        raise DatasetError(f"{len(lines)} lines can be evaluated again, {count} are asked for; set root or count")
    return random.Random(seed).sample(sorted(lines, key=digest), count)


def evaluate_again(
    line: dict[str, Any],
    root: Path,
    workers: int = 1,
    backend: str | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> dict[str, Any]:
    """Runs a line's episodes as it ran them, or in another backend; the result line of the comparison, `kind:
    "recheck"`.

    `differ` holds the place of each episode whose outcome is another, `recorded` where the line came from.
    """
    repeats, used = line.get("repeats", 1), backend or line.get("backend", USUAL_BACKEND)
    outcomes = evaluate(
        checkpoint_of(line, root).path,
        seeds_of(line),
        workers,
        used,
        on_outcome,
        repeats,
        World(
            line["task"],
            line.get("camera_noise"),
            replan_steps=line.get("replan_steps"),
            noise_scale=line.get("noise_scale", 1.0),
        ),
        environments=line.get("environments", 1),
        noise_apart=has_noise_apart(line),
    )
    again = "".join(str(int(outcome.success)) for outcome in outcomes)
    return {
        "kind": "recheck",
        **{key: line[key] for key in IDENTITY if key in line},
        **({} if used == USUAL_BACKEND else {"backend": used}),
        "episodes": line["episodes"],
        "eval_seed0": line["eval_seed0"],
        "repeats": repeats,
        "successes": again.count("1"),
        "recorded_successes": line["outcomes"].count("1"),
        "differ": [place for place, pair in enumerate(zip(again, line["outcomes"], strict=True)) if len({*pair}) > 1],
        "line": digest(line),
        "recorded": {key: line[key] for key in ORIGIN if key in line},
        **provenance.origin(),
    }


def in_words(comparison: dict[str, Any]) -> str:
    """What came out, in one line."""
    episodes, differ = comparison["episodes"], comparison["differ"]
    name = f"{comparison['task']} {Policy.of_line(comparison).name}, seed {comparison['seed']}"
    if not differ:
        return f"{name}: the same {episodes} outcomes, {comparison['successes']} successes"
    starts = seeds_of(comparison)
    seeds = ", ".join(str(starts[place // comparison["repeats"]]) for place in differ)
    return (
        f"{name}: {len(differ)} of {episodes} outcomes differ, at the seeds {seeds} "
        f"({comparison['recorded_successes']} successes before, {comparison['successes']} now)"
    )


def _is_there(line: dict[str, Any], root: Path) -> bool:
    try:
        checkpoint_of(line, root)
    except SdmError:
        return False
    return True
