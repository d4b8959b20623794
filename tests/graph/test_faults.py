"""The fault runner breaks the running nodes, and sees what they do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from helpers.domain import own_domain
from sdm_core.results import read_results

ROOT = Path(__file__).parents[2]


def test_a_blind_camera_and_reordered_joints(tmp_path: Path) -> None:
    results = tmp_path / "faults.jsonl"
    command = [
        *(sys.executable, "benchmarks/faults.py", "--trials", "1", "--only", "camera_all_zero", "joints_reordered"),
        *("--results", str(results), "--domain", str(own_domain())),
    ]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)
    lines = {line["fault"]: line for line in read_results(results)}
    assert set(lines) == {"camera_all_zero", "joints_reordered"}, run.stdout + run.stderr
    blind = lines["camera_all_zero"]
    assert blind["kind"] == "fault"
    assert "policy_refuses" in blind["reasons"], blind
    assert not blind["went_on"], blind
    assert "resumes by itself" in blind["outcome"]
    assert all(line["limit_violations"] == 0 for line in lines.values()), lines
    assert lines["joints_reordered"]["bar_ms"] is None
    assert {"commit", "machine", "date", "p50_ms", "max_ms"} <= blind.keys()


def test_an_unknown_fault_is_told_in_one_line() -> None:
    command = [sys.executable, "benchmarks/faults.py", "--only", "earthquake"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert run.returncode == 1
    assert "no fault earthquake; there are camera_all_nan" in run.stderr
