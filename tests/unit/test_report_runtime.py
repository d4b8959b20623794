"""The tables of what a ROS 2 runtime costs."""

from __future__ import annotations

from helpers.result_lines import timing_line, wire_line
from sdm_training.report.runtime import (
    conformance_table,
    idle_table,
    runtime_tables,
    soak_table,
    split_wire,
    wire_table,
)

IDLE = {
    "kind": "idle", "what": "node", "variant": "no timer", "backend": "embedded", "cpu_percent": 0.0123,
    "goal_percent": 1.0, "seconds": 20.0, "load": 0.5, "machine": "a machine",
}  # fmt: skip
SOAK = {
    "kind": "soak", "backend": "embedded", "minutes": 10.0, "demo_hours": 7.98, "messages": 6_900_000,
    "service_calls": 28_000, "parameter_sets": 28_001, "growth_kib": {"robot": 12, "policy": -3},
    "rss_mib": {"robot": [[0, 50.0], [6_900_000, 51.25]], "policy": [[0, 48.0], [6_900_000, 49.0]]},
    "machine": "a machine",
}  # fmt: skip


def test_the_newest_line_of_each_message_and_runtime_counts() -> None:
    lines = [wire_line(9.0), wire_line(0.3), wire_line(0.1, awake=True), wire_line(0.5, backend="rclpy")]
    rows = wire_table(lines).splitlines()[2:]
    assert rows == [
        "| `JointState` | 200 Hz | embedded | 0.30 | 0.60 | 99.91% | p50 ≤ 0.4 | may sleep | 1.2 | a machine |",
        "| `JointState` | 200 Hz | embedded | 0.10 | 0.20 | 99.91% | p50 ≤ 0.4 | kept awake | 1.2 | a machine |",
        "| `JointState` | 200 Hz | rclpy | 0.50 | 1.00 | 99.91% | p50 ≤ 0.4 | may sleep | 1.2 | a machine |",
    ]
    fast = wire_line(0.3, goal_ms=None, goal_delivered=0.995)
    assert "| delivered ≥ 99.5% |" in wire_table([fast])


def test_idle_nodes_and_soaks_have_tables_of_their_own() -> None:
    assert "| no timer | embedded | 0.01 | 20 | ≤ 1 | 0.5 | a machine |" in idle_table([IDLE])
    row = "| embedded | 8.0 in 10 min | 6,900,000 | 28,000 | 28,001 | 51.2, 49.0 | +12, -3 | a machine |"
    assert row in soak_table([SOAK])


def test_what_is_not_measured_is_not_run() -> None:
    assert runtime_tables([timing_line("student", 1.0)]) == "Not run.\n\nNot run.\n\nNot run."


def test_messages_on_the_wire_are_told_apart_from_other_timings() -> None:
    other = [timing_line("student", 1.0), IDLE]
    assert split_wire([wire_line(0.3), *other]) == ([wire_line(0.3)], other)


def test_each_runtime_s_newest_conformance_is_a_column() -> None:
    old = {"kind": "conformance", "runtime": "embedded", "files": {"test_topics": [0, 5]}}
    new = {**old, "files": {"test_topics": [4, 5], "test_tf2": [2, 2]}}
    real = {**old, "runtime": "Jazzy", "files": {"test_topics": [5, 5]}}
    assert conformance_table([old, new, real]).splitlines()[2:] == [
        "| `test_tf2.py` | 2 of 2 | not run |",
        "| `test_topics.py` | 4 of 5 | 5 of 5 |",
        "| all | 6 of 7 | 5 of 5 |",
    ]
