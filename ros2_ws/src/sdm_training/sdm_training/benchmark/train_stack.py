"""Trains many training jobs as one program."""

from __future__ import annotations

import contextlib
import shlex
import traceback
from collections.abc import Sequence

import torch
from rich.console import Console
from sdm_core.errors import SdmError

from sdm_training.benchmark.cost import metered
from sdm_training.benchmark.jobs.training import TrainingJob
from sdm_training.benchmark.run_job import Finished, printing_to
from sdm_training.compute import set_up
from sdm_training.programs import distill, train
from sdm_training.runs.lock import Held, lock
from sdm_training.settings import composed
from sdm_training.stack.train_runs import train_runs
from sdm_training.training.run import Run

# What the runs of one stack may differ in.
OWN = ("task=", "seed=", "data=", "run=", "teacher_run=", "loop.")


def stack_key(job: TrainingJob) -> tuple[str, ...]:
    """Equal for jobs of one recipe on one family of tasks: their runs can be stacked, but for the tasks' shapes."""
    family = job.name.partition("/")[0]
    return (family, job.program, *(override for override in job.overrides if not override.startswith(OWN)))


def train_stack(jobs: Sequence[TrainingJob]) -> list[Finished]:
    """Trains the runs of the jobs, without their exports; returns what became of those that it could not train."""
    untrained: list[Finished] = []
    root = jobs[0].places.root
    log = root / jobs[0].places.runs / "jobs" / "stacks.log"
    with contextlib.chdir(root), contextlib.ExitStack() as held, printing_to(log):
        prepared: list[tuple[TrainingJob, Run]] = []
        for job in jobs:
            try:
                held.enter_context(lock(job.lock))
                print(f"$ {shlex.join(job.command)}", flush=True)
                prepared.append((job, _prepared(job)))
            except Held as error:
                untrained.append(Finished(job.name, "busy", str(error)))
            except Exception as error:  # of whatever kind: it must not end the other trainings
                traceback.print_exception(error)
                untrained.append(Finished(job.name, "failed", _in_a_line(error)))
        names = {id(run): job.name for job, run in prepared}
        what = {"name": f"a stack of {len(prepared)} trainings", "stage": TrainingJob.kind, "stacked": len(prepared)}
        with metered(jobs[0].places.costs, log.with_suffix(".spent"), **what):
            for run, error in train_runs([run for _, run in prepared], Console(soft_wrap=True)):
                traceback.print_exception(error)
                untrained.append(Finished(names[id(run)], "failed", _in_a_line(error)))
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return untrained


def _in_a_line(error: Exception) -> str:
    return str(error) if isinstance(error, SdmError) else f"{type(error).__name__}: {error}".partition("\n")[0]


def _prepared(job: TrainingJob) -> Run:
    job.check()
    if job.program == "train":
        settings = composed("train", train.TrainSettings, job.overrides)
        return train.prepare(settings, set_up(settings.compute))
    settings = composed("distill", distill.DistillSettings, job.overrides)
    return distill.prepare(settings, set_up(settings.compute))
