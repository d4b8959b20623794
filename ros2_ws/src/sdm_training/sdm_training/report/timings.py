"""Latency of each part of the loop."""

from __future__ import annotations

from collections.abc import Sequence

from sdm_training.report.lines import Line, matching
from sdm_training.report.markdown import NONE, NOTHING_RUN, code, table


def timing_table(lines: Sequence[Line]) -> str:
    """The newest timing of each part, variant, machine, device and backend."""
    keys = ("what", "variant", "machine", "device", "backend", "threads")
    # Later lines replace earlier ones, and keep their place.
    latest = {tuple(line.get(key, NONE) for key in keys): line for line in matching(lines, kind="timing")}
    rows = [
        [
            code(what),
            variant,
            machine if device == "cpu" else device,
            backend,
            str(threads),
            f"{line['p50_ms']:.2f}",
            f"{line['p99_ms']:.2f}",
            str(line["n"]),
        ]
        for (what, variant, machine, device, backend, threads), line in latest.items()
    ]
    header = ["part", "variant", "device", "backend", "threads", "p50 ms", "p99 ms", "n"]
    return table(header, rows) if rows else NOTHING_RUN
