"""What jobs cost is written down once each, with what killed attempts had spent before."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.jobs import toy_job
from sdm_core.errors import TaskError
from sdm_core.results import read_results
from sdm_training.benchmark.cost import Spent, metered
from sdm_training.benchmark.run_job import run_job

# Spends half a second of CPU, saves it as every so often, and waits to be killed.
SPENDER = """
import sys, time
from pathlib import Path
from sdm_training.benchmark import cost
cost.KEPT_EVERY_S = 0.05
with cost.metered(Path("jobs.jsonl"), Path("a.spent"), name="a"):
    until = time.process_time() + 0.5
    while time.process_time() < until:
        pass
    print("spent", flush=True)
    time.sleep(60)
"""


def test_a_job_s_line_says_what_it_was_and_what_it_cost(tmp_path: Path) -> None:
    job = toy_job(tmp_path, "a", takes_s=0.05)
    for _ in range(2):
        assert run_job(job).outcome == "done"
    (line,) = read_results(tmp_path / "jobs.jsonl")
    assert {"kind": "job", "name": "a", "stage": "toy", "task": "toy/near", "outcome": "done"}.items() <= line.items()
    assert line["attempts"] == 1
    assert line["wall_s"] >= 0.05
    assert line["cpu_s"] >= 0
    assert {"commit", "machine", "date"} <= set(line)
    assert not job.spent.exists()


def test_the_time_of_children_counts(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    with metered(tmp_path / "jobs.jsonl", tmp_path / "a.spent", name="a"):
        subprocess.run([sys.executable, "-c", burn], check=True)
    assert read_results(tmp_path / "jobs.jsonl")[0]["cpu_s"] >= 0.3


def test_a_failed_job_has_a_line_too(tmp_path: Path) -> None:
    run_job(toy_job(tmp_path, "a", ending="project error"))
    run_job(toy_job(tmp_path, "a"))
    assert [line["outcome"] for line in read_results(tmp_path / "jobs.jsonl")] == ["failed", "done"]


def test_what_a_killed_attempt_had_spent_is_the_next_one_s(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", SPENDER], cwd=tmp_path, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    deadline = time.monotonic() + 60
    while Spent.load(tmp_path / "a.spent").cpu_s < 0.5:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not (tmp_path / "jobs.jsonl").exists()
    with metered(tmp_path / "jobs.jsonl", tmp_path / "a.spent", name="a"):
        pass
    (line,) = read_results(tmp_path / "jobs.jsonl")
    assert line["attempts"] == 2
    assert line["cpu_s"] >= 0.5
    assert not (tmp_path / "a.spent").exists()


def test_an_interrupted_attempt_s_cost_waits_for_the_next_one(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), metered(tmp_path / "jobs.jsonl", tmp_path / "a.spent", name="a"):
        raise SystemExit(143)
    assert Spent.load(tmp_path / "a.spent").attempts == 1
    with pytest.raises(TaskError), metered(tmp_path / "jobs.jsonl", tmp_path / "a.spent", name="a"):
        raise TaskError("no")
    (line,) = read_results(tmp_path / "jobs.jsonl")
    assert (line["outcome"], line["attempts"]) == ("failed", 2)
