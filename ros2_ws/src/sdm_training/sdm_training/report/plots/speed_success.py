"""What a policy's speed costs in success."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.ticker import LogLocator, NullLocator

from sdm_training.report.core_comparison import METAWORLD, policies
from sdm_training.report.estimate import Estimate, mean
from sdm_training.report.lines import Line
from sdm_training.report.plots.canvas import COLUMN, canvas, errors
from sdm_training.report.policies import DP3, SDM, Policy
from sdm_training.report.speed import HARDWARE, latency_ms
from sdm_training.report.success import over_tasks


@dataclass(frozen=True)
class Point:
    """A policy's median latency in ms and its mean success."""

    policy: Policy
    latency: float
    rate: Estimate


def compared_tasks(lines: Sequence[Line]) -> list[str]:
    """MetaWorld's tasks on which both the SDM student and its teacher were run."""
    return [task for task in METAWORLD if all(over_tasks(lines, [task], one) for one in (SDM, DP3))]


def speed_points(lines: Sequence[Line]) -> list[Point]:
    """A point for each policy that was timed, and run on all of the compared tasks."""
    tasks, points = compared_tasks(lines), []
    for policy in policies(lines):
        found, latency = over_tasks(lines, tasks, policy), latency_ms(lines, policy)
        if found and len(found) == len(tasks) and latency is not None:
            points.append(Point(policy, latency, mean([one.rate for one in found.values()])))
    return points


def speed_success(lines: Sequence[Line], path: Path) -> None:
    """Latency of an inference against mean success.

    Filled markers are policies of one evaluation, half-filled ones their variants; equal latencies stand side by side.
    """
    points = speed_points(lines)
    if not points:
        return
    with canvas(path, 1, 1, 2.5 + 0.09 * len(points), COLUMN) as (figure, axes):
        plot = axes[0, 0]
        for point, latency in zip(points, _apart(points), strict=True):
            method, rate = point.policy.described, 100 * point.rate.value
            reach = errors(point.rate)
            fill = "none" if point.policy.nfe > 1 else "left" if point.policy.variant else "full"
            plot.errorbar(latency, rate, reach, fmt="none", ecolor=method.colour, elinewidth=0.8)
            plot.plot(latency, rate, method.marker, c=method.colour, fillstyle=fill, ms=5, label=point.policy.name)
        where = f"{HARDWARE['device']}, {HARDWARE['backend']}, {HARDWARE['threads']} thread"
        plot.set_xscale("log")
        plot.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
        plot.xaxis.set_minor_locator(NullLocator())
        plot.xaxis.set_major_formatter("{x:g}")
        # A whole ten below the lowest interval: neither zero nor a magnifying glass.
        plot.set_ylim(100 * min(point.rate.low for point in points) // 10 * 10, 101)
        plot.set_xlabel(f"median inference, ms ({where})")
        plot.set_ylabel(f"mean success over {len(compared_tasks(lines))} tasks, %")
        plot.grid()
        figure.legend(ncols=2, loc="outside lower center", columnspacing=0.8, handletextpad=0.1, fontsize=7)


def _apart(points: Sequence[Point]) -> list[float]:
    """The latencies, equal ones side by side, so that no point hides another."""
    latencies = [point.latency for point in points]
    step = max(max(latencies) / min(latencies), 1.5) ** 0.021
    moved = []
    for point in points:
        equal = [other for other in points if other.latency == point.latency]
        moved.append(point.latency * step ** (equal.index(point) - (len(equal) - 1) / 2))
    return moved
