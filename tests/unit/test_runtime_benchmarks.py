"""The benchmarks of the ROS 2 runtime run, and what they write is what the tables are made from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sdm_core.results import read_results
from sdm_training.report.runtime import runtime_tables

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(program: str, results: Path, *options: str) -> str:
    command = [sys.executable, str(BENCHMARKS / program), *options, "--results", str(results)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.slow
def test_lines_of_the_wire_and_of_the_soak_make_the_tables(tmp_path: Path) -> None:
    results = tmp_path / "lines.jsonl"
    wire = run("wire.py", results, "--seconds", "0.2", "--idle-seconds", "0.2", "--only", "joints", "timer")
    soak = run("soak.py", results, "--hours", "0.001")
    lines = read_results(results)
    assert [(line["kind"], line.get("what")) for line in lines] == [
        ("timing", "wire/JointState"),
        ("idle", "node"),
        ("soak", None),
    ]
    assert all({"commit", "machine", "date", "backend"} <= line.keys() for line in lines)
    assert lines[0]["n"] == 40
    assert "goal ≤ 0.4 ms" in wire
    soaked = lines[-1]
    assert (soaked["messages"], soaked["service_calls"] + soaked["parameter_sets"]) == (3 * 288, 6)
    assert "demo's time" in soak
    tables = runtime_tables(lines)
    assert "Not run" not in tables
    assert "| `JointState` |" in tables
