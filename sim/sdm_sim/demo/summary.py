"""The demo's table and latency plot, from what the runs measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from sdm_sim.demo.runs import Measured

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# Parts of the way from an image to a command, as the traces time them. Colours: Okabe and Ito, safe for the
# colour-blind.
PARTS = {
    "cloud_ms": ("depth→cloud", "#56B4E9"),
    "inference_ms": ("inference", "#0072B2"),
    "gate_publish_ms": ("gate+publish", "#009E73"),
    "loop_ms": ("whole loop", "#333333"),
}


def latencies(measured: Measured, part: str) -> NDArray[np.float64]:
    """Milliseconds of one part, one value for each observation that was answered with an inference.

    The policy node perceives and infers; whichever node published the first command in answer closed the loop.
    """
    answers = [trace for trace in measured.traces if trace["inference_ms"] > 0]
    if part in ("gate_publish_ms", "loop_ms"):
        return np.array([trace[part] for trace in answers if trace["commands"] and trace["loop_ms"] > 0])
    return np.array([trace[part] for trace in answers if trace["node"] == "policy_node"])


def table(runs: Sequence[Measured]) -> Table:
    """A row for each run: success, control rate, missed steps, and p50/p99 of each part."""
    result = Table(title="Closed loop on the ROS graph", caption="latencies: p50 / p99 in ms")
    for heading in ("task", "policy", "mode", "success", "control rate", "missed steps"):
        result.add_column(
            heading, justify="right" if heading in ("success", "control rate", "missed steps") else "left"
        )
    for name, _ in PARTS.values():
        result.add_column(name, justify="right")
    for measured in runs:
        episodes = measured.episodes
        steps, wall = sum(line["steps"] for line in episodes), sum(line["wall_s"] for line in episodes)
        cells = []
        for part in PARTS:
            values = latencies(measured, part)
            cells.append(f"{np.percentile(values, 50):.1f} / {np.percentile(values, 99):.1f}" if len(values) else "–")
        result.add_row(
            measured.run.task.split("/", 1)[1],
            measured.run.label,
            measured.run.mode,
            f"{sum(line['success'] for line in episodes)}/{len(episodes)}",
            f"{steps / wall:.0f} Hz",
            f"{100 * sum(line['misses'] for line in episodes) / steps:.1f} %",
            *cells,
        )
    return result


def latency_plot(runs: Sequence[Measured], path: Path) -> None:
    """Median latency of each part as stacked bars, the whole loop's median and p99 as marks, one bar a run."""
    figure, axes = plt.subplots(figsize=(9, 0.45 * len(runs) + 1.4), constrained_layout=True)
    places = np.arange(len(runs))[::-1]
    left = np.zeros(len(runs))
    for part, (name, colour) in list(PARTS.items())[:-1]:
        medians = np.array([np.median(values) if len(values := latencies(run, part)) else 0.0 for run in runs])
        axes.barh(places, medians, left=left, height=0.6, color=colour, label=f"{name}, median")
        left += medians
    loops = [latencies(run, "loop_ms") for run in runs]
    for percentile, marker in ((50, "|"), (99, "x")):
        points = [
            (np.percentile(values, percentile), place)
            for values, place in zip(loops, places, strict=True)
            if len(values)
        ]
        x, y = zip(*points, strict=True)
        axes.plot(
            x,
            y,
            marker,
            color=PARTS["loop_ms"][1],
            markersize=10 - 4 * (marker == "x"),
            label=f"whole loop, p{percentile}",
        )
    axes.set_yticks(places, [f"{run.run.task.split('/', 1)[1]}, {run.run.label}, {run.run.mode}" for run in runs])
    axes.set_xlabel("observation in → command out, ms")
    axes.set_xlim(left=0)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=5)
    figure.savefig(path, dpi=150)
    plt.close(figure)
