"""How fast students converge: when their snapshots first do as well as their last weights."""

from __future__ import annotations

from collections.abc import Sequence

from sdm_training.report.learning_curves import Curves, Point
from sdm_training.report.markdown import NOT_RUN, NOTHING_RUN, code, rate_cell, table
from sdm_training.report.policies import BEST


def convergence_table(curves: Curves) -> str:
    """One row a student whose snapshots were timed, and how many times its steps and seconds `best` needed."""
    rows = []
    for task in sorted(curves):
        students = {policy: points for policy, points in curves[task].items() if all(map(_is_timed_student, points))}
        of_best = converged(students[BEST]) if BEST in students else None
        for policy, points in students.items():
            reached, last = converged(points), points[-1]
            # What has converged at its first snapshot may have done so before.
            at_most, sooner = ("≤ ", "≥ ") if reached is points[0] else ("", "")
            ratios = [NOT_RUN, NOT_RUN]
            if of_best:
                of_steps, of_time = of_best.step / reached.step, _seconds(of_best) / _seconds(reached)
                ratios = [f"{sooner}{ratio:.1f}" for ratio in (of_steps, of_time)]
            each_ms = 1e3 * _seconds(last) / last.step
            rows.append(
                [
                    code(task),
                    policy.name,
                    _success(last),
                    f"{each_ms:.0f}",
                    f"{at_most}{reached.step} of {last.step}",
                    f"{at_most}{_seconds(reached):.0f}",
                    _success(reached),
                    *ratios,
                ]
            )
    header = [
        "task",
        "student",
        "last snapshot",
        "ms a step",
        "converged at step",
        "after, s",
        "with success",
        f"{BEST.name}: times the steps",
        "times the time",
    ]
    return table(header, rows) if rows else NOTHING_RUN


def converged(points: Sequence[Point]) -> Point:
    """The first snapshot that is not below the last one's 95 % interval."""
    return next(point for point in points if point.rate.value >= points[-1].rate.low)


def _is_timed_student(point: Point) -> bool:
    return point.distilled and point.seconds is not None


def _seconds(point: Point) -> float:
    assert point.seconds is not None, "of a timed snapshot"
    return point.seconds


def _success(point: Point) -> str:
    return rate_cell(point.rate.value, point.rate.interval, point.episodes)
