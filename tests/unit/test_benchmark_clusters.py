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
JOBS = "runs/jobs/fork/reach"
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


def wait_until_begun(folder: Path, job: str, program: subprocess.Popen) -> None:
    while not (folder / f"{JOBS}/{job}.log").exists() or not attempts(folder, job):
        assert program.poll() is None, (folder / "printed.txt").read_text()
        time.sleep(0.02)


def kill_worker(folder: Path, job: str, program: subprocess.Popen) -> None:
    """SIGKILL to the process that runs a job, as soon as it is at work."""
    wait_until_begun(folder, job, program)
    os.kill(json.loads((folder / f"{JOBS}/{job}.lock").read_text())["pid"], signal.SIGKILL)


def assert_every_line_once(folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / "benchmarks/results/success.jsonl").read_text().splitlines()]
    assert sorted((line["method"], line["nfe"], line["episodes"]) for line in lines) == [("dp3", 1, 2), ("sdm", 1, 2)]


def attempts(folder: Path, job: str) -> int:
    return (folder / f"{JOBS}/{job}.log").read_text().count("$ sdm-")


@pytest.fixture
def cluster(monkeypatch) -> Iterator[Any]:
    """A Ray cluster of two nodes with one processor each, beside a head that runs no jobs."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is an extra: pip install 'sdm_training[ray]'")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


def test_ray_runs_the_jobs_of_a_killed_worker_and_of_a_lost_node_again_and_every_line_is_there_once(
    cluster, benchmark, tmp_path
):
    program = benchmark("runner=ray", f"runner.address={cluster.address}")
    kill_worker(tmp_path, "dp3_small_seed0.training", program)
    # Two jobs are ready then, one for each node.
    on_both_nodes = ("dp3_small_seed0.nfe1", "sdm_small_seed0.training")
    for job in on_both_nodes:
        wait_until_begun(tmp_path, job, program)
    cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)
    kill_worker(tmp_path, "sdm_small_seed0.nfe1", program)
    assert program.wait() == 0, (tmp_path / "printed.txt").read_text()
    assert_every_line_once(tmp_path)
    assert attempts(tmp_path, "dp3_small_seed0.training") == attempts(tmp_path, "sdm_small_seed0.nfe1") == 2
    assert sum(attempts(tmp_path, job) for job in on_both_nodes) == 3


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
