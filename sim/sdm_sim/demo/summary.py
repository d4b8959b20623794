"""What the demo's runs came to: a line each, and the table and the latency plot of such lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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


def summary_line(measured: Measured) -> dict[str, Any]:
    """What a run came to: success, control rate, share of missed steps, and [p50, p99] in ms of each part."""
    episodes = measured.episodes
    steps = sum(line["steps"] for line in episodes)
    parts = {part: latencies(measured, part) for part in PARTS}
    return {
        "kind": "demo",
        "task": measured.run.task,
        "policy": measured.run.label,
        "mode": measured.run.mode,
        "episodes": len(episodes),
        "successes": sum(line["success"] for line in episodes),
        "control_hz": round(steps / sum(line["wall_s"] for line in episodes), 1),
        "missed": round(sum(line["misses"] for line in episodes) / steps, 4),
        **{
            part: [round(float(value), 3) for value in np.percentile(values, (50, 99))] if len(values) else None
            for part, values in parts.items()
        },
    }


def latencies(measured: Measured, part: str) -> NDArray[np.float64]:
    """Milliseconds of one part, one value for each observation that was answered with an inference.

    The policy node perceives and infers; whichever node published the first command in answer closed the loop.
    """
    answers = [trace for trace in measured.traces if trace["inference_ms"] > 0]
    if part in ("gate_publish_ms", "loop_ms"):
        return np.array([trace[part] for trace in answers if trace["commands"] and trace["loop_ms"] > 0])
    return np.array([trace[part] for trace in answers if trace["node"] == "policy_node"])


HEADINGS = ("task", "policy", "mode", "success", "control rate", "missed steps", *(name for name, _ in PARTS.values()))


def cells(line: Mapping[str, Any]) -> list[str]:
    """A summary line's cells under HEADINGS."""
    parts = [line[part] for part in PARTS]
    return [
        line["task"].split("/", 1)[1],
        line["policy"],
        line["mode"],
        f"{line['successes']}/{line['episodes']}",
        f"{line['control_hz']:.0f} Hz",
        f"{100 * line['missed']:.1f} %",
        *(f"{part[0]:.1f} / {part[1]:.1f}" if part else "–" for part in parts),
    ]


def table(lines: Sequence[Mapping[str, Any]]) -> Table:
    """A row for each run."""
    result = Table(title="Closed loop on the ROS graph", caption="latencies: p50 / p99 in ms")
    for index, heading in enumerate(HEADINGS):
        result.add_column(heading, justify="left" if index < 3 else "right")
    for line in lines:
        result.add_row(*cells(line))
    return result


def latency_plot(lines: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Median latency of each part as stacked bars, the whole loop's median and p99 as marks, one bar a run."""
    figure, axes = plt.subplots(figsize=(9, 0.45 * len(lines) + 1.4), constrained_layout=True)
    places = np.arange(len(lines))[::-1]
    left = np.zeros(len(lines))
    for part, (name, colour) in list(PARTS.items())[:-1]:
        medians = np.array([line[part][0] if line[part] else 0.0 for line in lines])
        axes.barh(places, medians, left=left, height=0.6, color=colour, label=f"{name}, median")
        left += medians
    loops = [(line["loop_ms"], place) for line, place in zip(lines, places, strict=True) if line["loop_ms"]]
    for index, (percentile, marker) in enumerate(((50, "|"), (99, "x"))):
        axes.plot(
            [loop[index] for loop, _ in loops],
            [place for _, place in loops],
            marker,
            color=PARTS["loop_ms"][1],
            markersize=10 - 4 * (marker == "x"),
            label=f"whole loop, p{percentile}",
        )
    axes.set_yticks(places, [", ".join(cells(line)[:3]) for line in lines])
    axes.set_xlabel("observation in → command out, ms")
    axes.set_xlim(left=0)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=5)
    figure.savefig(path, dpi=150)
    plt.close(figure)
