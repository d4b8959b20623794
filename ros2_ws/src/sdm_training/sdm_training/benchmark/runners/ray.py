"""A Ray cluster: each job is a task, which Ray starts anew where its worker or its machine has died."""

# pyright: reportAttributeAccessIssue=false
# (ray is an extra: where it is absent, only a part of its name is known)

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from typing import Any

import ray  # pyright: ignore[reportMissingImports] (an extra)
import ray.exceptions  # pyright: ignore[reportMissingImports]
from pydantic import Field

from sdm_training.benchmark.job_queue import JobQueue
from sdm_training.benchmark.run_job import Finished, run_job
from sdm_training.benchmark.single_thread import SINGLE_THREAD
from sdm_training.settings import Part, SettingsError


class RaySettings(Part):
    """address: of a running cluster, "auto" for this machine's, "local" for a new one here; retries: after a death of
    its worker; cpus, gpus: what a job is given."""

    kind: str = "ray"
    address: str
    retries: int = Field(ge=0)
    cpus: float = Field(ge=0)
    gpus: float = Field(ge=0)


class RayRunner:
    """See Runner. The cluster's machines share the folders and the Python environment."""

    def __init__(self, settings: RaySettings) -> None:
        self.settings = settings

    def run(self, queue: JobQueue) -> None:
        settings = self.settings
        # A fresh worker for each job, as the local runner has.
        remote = ray.remote(num_cpus=settings.cpus, num_gpus=settings.gpus, max_retries=settings.retries, max_calls=1)
        with _connected(settings.address):
            task: Any = remote(run_job)
            running: dict[Any, str] = {}
            while True:
                running |= {task.remote(job): job.name for job in queue.take()}
                if not running:
                    return
                ended, _ = ray.wait(list(running))
                for reference in ended:
                    queue.settle(_finished(reference, running.pop(reference)))


def _connected(address: str) -> AbstractContextManager:
    """The connection to a cluster. What workers print is in their jobs' logs."""
    try:
        return ray.init(
            address, runtime_env={"env_vars": SINGLE_THREAD}, log_to_driver=False, logging_level=logging.WARNING
        )
    except ConnectionError as error:
        reason = str(error).strip().partition("\n")[0]
        raise SettingsError(f"runner.address {address}: {reason}") from None


def _finished(reference: Any, name: str) -> Finished:
    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:  # its worker has died more often than it is retried
        return Finished(name, "failed", str(error).strip().partition("\n")[0])


SETTINGS = RaySettings


def create(settings: RaySettings) -> RayRunner:
    """The runner of this kind."""
    return RayRunner(settings)
