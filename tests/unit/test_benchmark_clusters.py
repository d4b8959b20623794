"""sdm-benchmark on a Ray cluster of two machines' worth of processes, and through submitit: killed jobs run again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

MAIN = "from sdm_training.programs.benchmark import main; main()"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}


@pytest.fixture
def benchmark(tmp_path: Path) -> Iterator[Any]:
    """Begins `sdm-benchmark suite=smoke <overrides>` in tmp_path."""
    begun: list[subprocess.Popen] = []

    def begin(*overrides: str) -> subprocess.Popen:
        with (tmp_path / "printed.txt").open("w") as printed:
            command = [sys.executable, "-c", MAIN, "suite=smoke", *overrides]
            process = subprocess.Popen(command, cwd=tmp_path, stdout=printed, stderr=printed, env=ENVIRONMENT)
        begun.append(process)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.wait()


def kill_worker(folder: Path, job: str, program: subprocess.Popen) -> None:
    """SIGKILL to the process that runs a job, as soon as it is at work."""
    jobs = folder / "runs/jobs/fork/reach"
    log, lock = jobs / f"{job}.log", jobs / f"{job}.lock"
    while not (log.exists() and "$ sdm-" in log.read_text()):
        assert program.poll() is None, (folder / "printed.txt").read_text()
        time.sleep(0.02)
    os.kill(json.loads(lock.read_text())["pid"], signal.SIGKILL)


def assert_every_line_once(folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / "benchmarks/results/success.jsonl").read_text().splitlines()]
    assert sorted((line["method"], line["nfe"], line["episodes"]) for line in lines) == [("dp3", 1, 2), ("sdm", 1, 2)]


def attempts(folder: Path, job: str) -> int:
    return (folder / f"runs/jobs/fork/reach/{job}.log").read_text().count("$ sdm-")


@pytest.fixture
def two_nodes(monkeypatch) -> Iterator[str]:
    """The address of a Ray cluster of two nodes with one processor each."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is an extra: pip install 'sdm_training[ray]'")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster.address
    cluster.shutdown()


def test_a_ray_cluster_begins_a_killed_worker_s_job_anew_and_no_line_is_lost_or_doubled(two_nodes, benchmark, tmp_path):
    program = benchmark("runner=ray", f"runner.address={two_nodes}")
    killed = ("dp3_small_seed0.training", "sdm_small_seed0.training", "sdm_small_seed0.nfe1")
    for job in killed:
        kill_worker(tmp_path, job, program)
    assert program.wait() == 0, (tmp_path / "printed.txt").read_text()
    assert_every_line_once(tmp_path)
    assert [attempts(tmp_path, job) for job in killed] == [2, 2, 2]
    assert attempts(tmp_path, "dp3_small_seed0.nfe1") == 1


def test_submitit_runs_every_job_and_reports_a_killed_one_which_the_next_call_resumes(benchmark, tmp_path):
    pytest.importorskip("submitit", reason="submitit is an extra: pip install 'sdm_training[slurm]'")
    options = ("runner=slurm", "runner.cluster=local", "runner.poll_s=0.2")
    program = benchmark(*options)
    kill_worker(tmp_path, "dp3_small_seed0.training", program)
    assert program.wait() == 1
    printed = (tmp_path / "printed.txt").read_text()
    assert "failed fork/reach/dp3_small_seed0.training" in printed
    assert "1 of 5 jobs failed, 3 that need them were not begun" in printed
    assert benchmark(*options).wait() == 0, (tmp_path / "printed.txt").read_text()
    assert_every_line_once(tmp_path)
