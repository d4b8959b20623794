"""`sdm-benchmark suite=smoke` as a person runs it, killed in the middle: it goes on, and every line is there once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sdm_core.results import read_results

MAIN = "from sdm_training.programs.benchmark import main; main()"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


class Benchmark:
    """The program in a folder; its workers are in its process group."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.printed = folder, folder / "printed.txt"
        with self.printed.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", MAIN, "suite=smoke", "workers=2"],
                cwd=folder,
                stdout=output,
                stderr=output,
                env=ENVIRONMENT,
                start_new_session=True,
            )

    def wait_until_begun(self, job: str) -> None:
        log = self.folder / "runs/jobs" / f"{job}.log"
        while not (log.exists() and "$ sdm-" in log.read_text()):
            assert self.process.poll() is None, f"{job} was never begun: {self.printed.read_text()}"
            time.sleep(0.02)

    def kill(self, *, workers: bool) -> None:
        """SIGKILL, to its workers too, as when the power fails; or to itself alone, and they end by themselves."""
        if workers:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait()
        deadline = time.monotonic() + 60
        while self.lives():
            assert time.monotonic() < deadline, "a worker has outlived the program"
            time.sleep(0.2)

    def lives(self) -> bool:
        """Whether any process of the group is left, beside dead ones that nobody has asked for their status yet."""
        listed = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
        rows = [row.split() for row in listed.splitlines()]
        return any(int(group) == self.process.pid and not state.startswith("Z") for group, state in rows)

    def end(self) -> tuple[int, str]:
        """Its status and last line."""
        status = self.process.wait()
        return status, self.printed.read_text().splitlines()[-1]


@pytest.fixture
def benchmark(tmp_path: Path) -> Iterator[Any]:
    """Starts the program in one folder; what is left of it at the end of the test is killed."""
    begun: list[Benchmark] = []

    def begin() -> Benchmark:
        begun.append(Benchmark(tmp_path))
        return begun[-1]

    yield begin
    for each in begun:
        if each.lives():
            os.killpg(each.process.pid, signal.SIGKILL)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "benchmarks/results/success.jsonl").read_text().splitlines()]


# The job in which the program is killed, and whether its workers are too.
TEACHER, STUDENT = ("dp3_small_seed0.training", True), ("sdm_small_seed0.training", False)


@pytest.mark.parametrize(
    "kills", [[STUDENT], pytest.param([TEACHER, TEACHER, STUDENT, STUDENT], marks=pytest.mark.slow)]
)
def test_a_killed_benchmark_goes_on_where_it_was_and_every_line_is_there_once(benchmark, tmp_path, kills):
    moments = random.Random(os.environ.get("SDM_KILL_SEED", "0"))
    for job, workers in kills:
        begun = benchmark()
        begun.wait_until_begun(f"fork/reach/{job}")
        time.sleep(moments.uniform(0, 2))
        begun.kill(workers=workers)
    status, _ = benchmark().end()
    assert status == 0
    found = lines(tmp_path)
    assert sorted((line["task"], line["method"], line["nfe"], line["episodes"]) for line in found) == [
        ("fork/reach", "dp3", 1, 2),
        ("fork/reach", "sdm", 1, 2),
    ]
    assert benchmark().end() == (0, "2 cells are done, 0 jobs are missing")
    assert lines(tmp_path) == found
    costs = read_results(tmp_path / "benchmarks/results/jobs.jsonl")
    assert sorted((line["stage"], line["outcome"]) for line in costs) == [
        ("demonstrations", "done"),
        *[("evaluation", "done")] * 2,
        *[("training", "done")] * 2,
    ], "a job that was killed has one line, for all of its attempts"
    assert all(line["cpu_s"] > 0 for line in costs)
