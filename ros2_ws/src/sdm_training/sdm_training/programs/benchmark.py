"""`sdm-benchmark suite=core`: makes what a suite lacks, and continues where it was killed."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path

from pydantic import field_validator
from rich.console import Console
from sdm_core.errors import SdmError

from sdm_training import registry
from sdm_training.benchmark.board import Board
from sdm_training.benchmark.job_queue import JobQueue
from sdm_training.benchmark.jobs.job import Places
from sdm_training.benchmark.plan import Plan, Selection, plan
from sdm_training.benchmark.runners.runner import Runner
from sdm_training.benchmark.single_thread import SINGLE_THREAD
from sdm_training.benchmark.suite import Suite
from sdm_training.settings import Part, Settings, SettingsError, run_program

# How long to wait before asking again for jobs that another process is at.
ELSEWHERE_S = 5.0

COSTS = "jobs.jsonl"


class BenchmarkError(SdmError):
    """Some of a suite's jobs have failed."""


class BenchmarkSettings(Settings):
    """config/benchmark.yaml. tasks, methods, seeds: which of the suite's rows, empty: all; curve: its learning curves
    too; workers: jobs side by side on one machine; data, runs, results: as in the programs that the jobs call;
    costs: the file of what jobs cost, null for jobs.jsonl beside the results;
    dry_run: print the plan and its command lines, and do nothing."""

    suite: Suite
    tasks: tuple[str, ...]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    curve: bool
    runner: Part
    workers: int
    data: str
    runs: str
    results: str
    costs: str | None = None
    dry_run: bool

    @field_validator("runner", mode="before")
    @classmethod
    def runner_settings(cls, values: object) -> Part:
        try:
            return registry.build_part("benchmark.runners", values, "runner")
        except ModuleNotFoundError as error:
            raise SettingsError(
                f"this runner needs the package {error.name}: install it with pip install 'sdm_training[ray,slurm]'"
            ) from None


def benchmark(settings: BenchmarkSettings) -> None:
    """Runs what is missing. Raises BenchmarkError where jobs have failed."""
    console = Console(soft_wrap=True, highlight=False)
    results = Path(settings.results)
    costs = Path(settings.costs) if settings.costs else results.with_name(COSTS)
    places = Places(Path.cwd(), Path(settings.data), Path(settings.runs), results, costs)
    selection = Selection(settings.tasks, settings.methods, settings.seeds, settings.curve)
    planned = plan(settings.suite, selection, places)
    for line in planned.left_out:
        console.print(line)
    console.print(f"{planned.done} cells are done, {len(planned.jobs)} jobs are missing")
    if settings.dry_run:
        for job in planned.jobs:
            console.print(f"{job.name}\n    {shlex.join(job.command)}", markup=False)
    elif planned.jobs:
        os.environ.update(SINGLE_THREAD)
        runner = registry.find("benchmark.runners", settings.runner.kind).create(settings.runner)
        work(planned, runner, console)


def work(planned: Plan, runner: Runner, console: Console) -> None:
    """Runs the jobs of a plan, those too that another process gives up."""
    with Board(planned.jobs, console) as board:
        queue = JobQueue(planned.jobs, board.started, board.ended)
        runner.run(queue)
        while queue.left:
            time.sleep(ELSEWHERE_S)
            runner.run(queue)
    if board.failed:
        waiting = f", {board.blocked} that need them were not begun" if board.blocked else ""
        raise BenchmarkError(
            f"{len(board.failed)} of {len(planned.jobs)} jobs failed{waiting}; the same command tries them again"
        )


def main() -> None:
    """Entry point."""
    run_program("benchmark", BenchmarkSettings, benchmark)
