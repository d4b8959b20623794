"""A Slurm cluster, through submitit: each job is a submission, which is queued again when its time is up."""

from __future__ import annotations

import time
from typing import Any, Literal

import submitit  # pyright: ignore[reportMissingImports] (an extra)
from pydantic import Field
from submitit.core.utils import FailedJobError, UncompletedJobError  # pyright: ignore[reportMissingImports]

from sdm_training.benchmark.job_queue import JobQueue
from sdm_training.benchmark.jobs.job import Job
from sdm_training.benchmark.run_job import Finished, run_job
from sdm_training.benchmark.single_thread import SINGLE_THREAD
from sdm_training.settings import Part


class SlurmSettings(Part):
    """cluster: "local" runs submissions as processes here; folder: submitit's own files; poll_s: how often the queue is
    asked; parameters: submitit's, such as {slurm_partition: gpu, gpus_per_node: 1}."""

    kind: str = "slurm"
    cluster: Literal["slurm", "local"]
    folder: str
    poll_s: float = Field(gt=0)
    timeout_min: int = Field(gt=0)
    cpus_per_task: int = Field(gt=0)
    parameters: dict[str, Any] = Field({})


class ResumableJob(submitit.helpers.Checkpointable):
    """A job that Slurm stops at its time limit, or takes the machine from, is submitted again and resumes."""

    def __call__(self, job: Job) -> Finished:
        return run_job(job)


class SlurmRunner:
    """See Runner. The cluster's machines share the folders and the Python environment."""

    def __init__(self, settings: SlurmSettings) -> None:
        self.settings = settings
        self.executor = submitit.AutoExecutor(settings.folder, settings.cluster)
        exports = [f"export {name}={value}" for name, value in SINGLE_THREAD.items()]
        self.executor.update_parameters(
            timeout_min=settings.timeout_min,
            cpus_per_task=settings.cpus_per_task,
            local_setup=exports,
            slurm_setup=exports,
            **settings.parameters,
        )

    def run(self, queue: JobQueue) -> None:
        running: dict[str, submitit.Job] = {}
        while True:
            running |= {job.name: self.executor.submit(ResumableJob(), job) for job in queue.take()}
            if not running:
                return
            ended = [name for name, submission in running.items() if submission.done()]
            for name in ended:
                queue.settle(_finished(name, running.pop(name)))
            if not ended:
                time.sleep(self.settings.poll_s)


def _finished(name: str, submission: submitit.Job) -> Finished:
    try:
        return submission.result()
    except (FailedJobError, UncompletedJobError) as error:
        reason = str(error).strip().partition("\n")[0]
        return Finished(name, "failed", f"{reason} (see {submission.paths.stderr})")


SETTINGS = SlurmSettings


def create(settings: SlurmSettings) -> SlurmRunner:
    """The runner of this kind."""
    return SlurmRunner(settings)
