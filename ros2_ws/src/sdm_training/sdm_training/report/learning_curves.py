"""Success along a training: of a run's snapshots, over steps and over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sdm_core.results import wilson

from sdm_training.report.estimate import Estimate
from sdm_training.report.lines import FINAL, Line, is_distilled, matching
from sdm_training.report.policies import Policy


@dataclass(frozen=True)
class Point:
    """One snapshot: its training step, the seconds of training until it, its success over all training seeds, of so
    many episodes, and whether the training distils a teacher."""

    step: int
    seconds: float | None
    rate: Estimate
    episodes: int
    distilled: bool


Curves = dict[str, dict[Policy, list[Point]]]
"""By task and policy, in the order of training."""


def curves(lines: Sequence[Line]) -> Curves:
    """From lines of protocol `snapshot`, pooled over training seeds, and where there are none from `best5` lines.

    A student's seconds are those of its distillation alone.
    """
    snapshots: dict[tuple[str, Policy], dict[int, dict[int, Line]]] = {}
    for line in matching(lines, **{**FINAL, "protocol": "snapshot"}):
        by_step = snapshots.setdefault((line["task"], Policy.of_line(line)), {})
        by_step.setdefault(line["step"], {})[line["seed"]] = line
    found: Curves = {}
    for (task, policy), by_step in snapshots.items():
        points = [_point(step, list(by_step[step].values())) for step in sorted(by_step)]
        found.setdefault(task, {})[policy] = points
    for line in matching(lines, **{**FINAL, "protocol": "best5"}):
        if Policy.of_line(line) not in found.setdefault(line["task"], {}):
            found[line["task"]][Policy.of_line(line)] = _points_of_best5(line)
    return found


def _point(step: int, lines: list[Line]) -> Point:
    successes, episodes = (sum(line[key] for line in lines) for key in ("successes", "episodes"))
    seconds = sum(line["train_s"] for line in lines) / len(lines)
    return Point(step, seconds, _rate(successes, episodes), episodes, is_distilled(lines[0]))


def _points_of_best5(line: Line) -> list[Point]:
    """Every evaluation of the run, of which the line pools the best five; it does not know when each was reached."""
    episodes = line["episodes"] // 5
    distilled = is_distilled(line)
    return [Point(step, None, _rate(successes, episodes), episodes, distilled) for step, successes in line["curve"]]


def _rate(successes: int, episodes: int) -> Estimate:
    return Estimate(successes / episodes, *wilson(successes, episodes))
