"""What the ROS 2 runtime under the nodes costs: messages on the wire, idle nodes, memory over hours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sdm_training.report.lines import Line, matching
from sdm_training.report.markdown import NONE, NOT_RUN, NOTHING_RUN, code, table

_WIRE = "wire/"  # what the `what` of a message's timing begins with


def split_wire(lines: Iterable[Line]) -> tuple[list[Line], list[Line]]:
    """The timings of messages on the wire, and all other lines."""
    wire = [line for line in lines if line.get("kind") == "timing" and line["what"].startswith(_WIRE)]
    return wire, [line for line in lines if line not in wire]


def runtime_tables(lines: Sequence[Line]) -> str:
    """All that is measured of a runtime, for its page."""
    return "\n\n".join([wire_table(lines), idle_table(lines), soak_table(lines)])


def wire_table(lines: Sequence[Line]) -> str:
    """Latency and delivery of each message, the newest of each runtime."""
    rows = [
        [
            code(line["what"].removeprefix(_WIRE)),
            line["variant"],
            line["backend"],
            f"{line['p50_ms']:.2f}",
            f"{line['p99_ms']:.2f}",
            f"{line['delivered']:.2%}",
            _wire_goal(line),
            "kept awake" if line.get("awake") else "may sleep",
            *_origin(line),
        ]
        for line in _newest(split_wire(lines)[0], "what", "variant", "backend", "awake")
    ]
    return _table(["message", "how", "runtime", "p50, ms", "p99, ms", "delivered", "goal", "cores", *_ORIGIN], rows)


def idle_table(lines: Sequence[Line]) -> str:
    """What a node takes that only waits, the newest of each runtime."""
    rows = [
        [
            line["variant"],
            line["backend"],
            f"{line['cpu_percent']:.2f}",
            f"{line['seconds']:g}",
            f"≤ {line['goal_percent']:g}",
            *_origin(line),
        ]
        for line in _newest(matching(lines, kind="idle"), "variant", "backend")
    ]
    return _table(["idle node", "runtime", "% of a core", "over, s", "goal", *_ORIGIN], rows)


def soak_table(lines: Sequence[Line]) -> str:
    """Memory of both processes over a long run, the newest of each runtime."""
    rows = [
        [
            line["backend"],
            f"{line['demo_hours']:.1f} in {line['minutes']:.0f} min",
            *(f"{line[what]:,}" for what in ("messages", "service_calls", "parameter_sets")),
            ", ".join(f"{samples[-1][1]:.1f}" for samples in line["rss_mib"].values()),
            ", ".join(f"{growth:+}" for growth in line["growth_kib"].values()),
            line["machine"],
        ]
        for line in _newest(matching(lines, kind="soak"), "backend")
    ]
    counts = ["hours of the demo", "messages", "service calls", "parameters set"]
    return _table(["runtime", *counts, "memory, MiB", "growth, KiB", "machine"], rows)


def conformance_table(lines: Sequence[Line]) -> str:
    """How many of each file's cases hold, a column for each runtime; its newest line."""
    newest = _newest(matching(lines, kind="conformance"), "runtime")
    names = sorted({name for line in newest for name in line["files"]})
    rows = [[code(f"{name}.py"), *(_of(line["files"].get(name, [0, 0])) for line in newest)] for name in names]
    totals = [_of([sum(column) for column in zip(*line["files"].values(), strict=True)]) for line in newest]
    return _table(["cases of", *(line["runtime"] for line in newest)], [*rows, ["all", *totals]] if newest else [])


def _of(count: Sequence[int]) -> str:
    passed, cases = count
    return f"{passed} of {cases}" if cases else NOT_RUN


_ORIGIN = ("load", "machine")


def _origin(line: Line) -> list[str]:
    return [f"{line['load']:.1f}", line["machine"]]


def _wire_goal(line: Line) -> str:
    if line["goal_ms"] is not None:
        return f"p50 ≤ {line['goal_ms']:g}"
    return NONE if line["goal_delivered"] is None else f"delivered ≥ {line['goal_delivered']:.1%}"


def _newest(lines: Iterable[Line], *keys: str) -> list[Line]:
    """Later lines replace earlier ones, and keep their place."""
    return list({tuple(line.get(key, False) for key in keys): line for line in lines}.values())


def _table(header: Sequence[str], rows: list[list[str]]) -> str:
    return table(header, rows) if rows else NOTHING_RUN
