"""Tables and plots from result lines. Nothing here is typed by hand: no line, no row."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from sdm_core.results import paired_difference

matplotlib.use("Agg")
import matplotlib.pyplot as plt

Line = dict[str, Any]

# What every cell of the tables has in common.
PROTOCOL: Line = {
    "kind": "success",
    "protocol": "final",
    "mode": "direct",
    "network": "small",
    "seed": 0,
    "demos": 10,
    "episodes": 100,
    "eval_seed0": 30000,
}

# Column heading, method, NFE and colour (Okabe and Ito's, safe for the colour-blind), in the order of the tables.
VARIANTS = (
    ("SDM @ 1", "sdm", 1, "#0072B2"),
    ("teacher @ 10", "dp3", 10, "#D55E00"),
    ("teacher @ 2", "dp3", 2, "#E69F00"),
    ("teacher @ 1", "dp3", 1, "#F0E442"),
    ("regression @ 1", "regression", 1, "#999999"),
)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def matching(lines: Iterable[Line], **wanted: Any) -> list[Line]:
    """The lines whose entries equal `wanted`."""
    return [line for line in lines if all(line.get(key) == value for key, value in wanted.items())]


def newest(lines: Iterable[Line], **wanted: Any) -> Line | None:
    """The last line whose entries equal `wanted`."""
    return next(reversed(matching(lines, **wanted)), None)


def success_lines(lines: Iterable[Line], task: str) -> list[Line | None]:
    """One line of PROTOCOL, or None, for each of VARIANTS."""
    lines = matching(lines, **PROTOCOL, task=task)
    return [newest(lines, method=method, nfe=nfe) for _, method, nfe, _ in VARIANTS]


def success_table(lines: Sequence[Line], tasks: Sequence[str], difficulty: Callable[[str], str]) -> str:
    """Success with Wilson's intervals, the student's paired difference to its teacher at ten steps, training cost."""
    rows, means, differences = [], [[] for _ in VARIANTS], []
    for task in tasks:
        found = success_lines(lines, task)
        cells = []
        for mean, line in zip(means, found, strict=True):
            if line is None:
                cells.append("not run")
                continue
            rate = 100 * line["successes"] / line["episodes"]
            mean.append(rate)
            cells.append(f"{rate:.0f} [{100 * line['ci95'][0]:.0f}, {100 * line['ci95'][1]:.0f}]")
        student, teacher = found[:2]
        paired = "not run"
        if student and teacher:
            middle, low, high = (100 * x for x in paired_difference(student["outcomes"], teacher["outcomes"]))
            differences.append(middle)
            paired = f"{middle:+.0f} [{low:+.0f}, {high:+.0f}]"
        cost = " + ".join(f"{line['train_s'] / 60:.1f}" if line else "–" for line in (teacher, student))
        rows.append([f"`{task}`", difficulty(task), *cells, paired, cost])
    average = [f"{statistics.mean(mean):.1f}" if len(mean) == len(tasks) else "–" for mean in means]
    gap = f"{statistics.mean(differences):+.1f}" if len(differences) == len(tasks) else "–"
    rows.append(["mean", "", *average, gap, ""])
    header = ["task", "difficulty", *(name for name, *_ in VARIANTS), "SDM − teacher @ 10, paired", "training, min"]
    return table(header, rows)


def best5_table(lines: Sequence[Line]) -> str:
    """DP3's protocol (mean of the five best of a run's evaluations) beside the final checkpoint's own success."""
    rows = []
    for line in matching(lines, kind="success", protocol="best5"):
        final = newest(lines, **PROTOCOL, task=line["task"], method=line["method"], nfe=line["nfe"])
        evaluations = " ".join(f"{successes}" for _, successes in line["curve"])
        best = f"{100 * line['successes'] / line['episodes']:.0f}"
        own = f"{100 * final['successes'] / final['episodes']:.0f}" if final else "not run"
        rows.append([f"`{line['task']}`", f"{line['method']} @ {line['nfe']}", evaluations, best, own])
    header = ["task", "policy", "successes of 20, in the order of training", "best five, %", "final, %"]
    return table(header, rows) if rows else "Not run."


def timing_table(lines: Sequence[Line]) -> str:
    """The newest timing of each part, device, backend and variant."""
    keys = ("what", "variant", "device", "backend", "threads")
    # Later lines replace earlier ones, and keep their place.
    latest = {tuple(line.get(key, "") for key in keys): line for line in matching(lines, kind="timing")}
    rows = []
    for (what, variant, device, backend, threads), line in latest.items():
        rows.append(
            [
                f"`{what}`",
                variant,
                device,
                backend,
                str(threads),
                f"{line['p50_ms']:.2f}",
                f"{line['p99_ms']:.2f}",
                str(line["n"]),
            ]
        )
    return table(["part", "variant", "device", "backend", "threads", "p50 ms", "p99 ms", "n"], rows)


def success_plot(lines: Sequence[Line], tasks: Sequence[str], path: Path) -> None:
    """Success per task with 95 % intervals, one bar for each variant that was run."""
    figure, axes = plt.subplots(figsize=(9, 3.4), constrained_layout=True)
    width = 0.8 / len(VARIANTS)
    for index, (name, _, _, colour) in enumerate(VARIANTS):
        points = [(place, line) for place, task in enumerate(tasks) if (line := success_lines(lines, task)[index])]
        if not points:
            continue
        rates = [100 * line["successes"] / line["episodes"] for _, line in points]
        low = [rate - 100 * line["ci95"][0] for rate, (_, line) in zip(rates, points, strict=True)]
        high = [100 * line["ci95"][1] - rate for rate, (_, line) in zip(rates, points, strict=True)]
        x = [place + (index - (len(VARIANTS) - 1) / 2) * width for place, _ in points]
        axes.bar(x, rates, width, label=name, color=colour, yerr=[low, high], capsize=2, error_kw={"lw": 0.8})
    axes.set_xticks(range(len(tasks)), [task.split("/")[-1] for task in tasks])
    axes.set_ylabel("success, %")
    axes.set_ylim(0, 105)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(ncols=len(VARIANTS), loc="upper center", bbox_to_anchor=(0.5, -0.1), frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)
