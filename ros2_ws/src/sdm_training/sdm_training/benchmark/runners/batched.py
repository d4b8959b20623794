"""One GPU beside many cores: trainings of one method are one stacked program, all else runs in worker processes."""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait

from pydantic import Field

from sdm_training.benchmark.job_queue import JobQueue
from sdm_training.benchmark.jobs.training import TrainingJob
from sdm_training.benchmark.runners.local import LocalRunner, LocalSettings, Worker, finished_of
from sdm_training.benchmark.runners.stacking import StackOutcome, stack_key, train_stack
from sdm_training.benchmark.run_job import Finished
from sdm_training.orphan import end_with_parent

# The stack has no pipe of its own to wait on.
POLL_S = 0.5


class BatchedSettings(LocalSettings):
    """workers: processes beside the one that holds the GPU; they export what it has trained, and evaluate."""

    kind: str = "batched"
    workers: int = Field(gt=0)


class BatchedRunner:
    """See Runner. A stack begins once every training of its kind that is left can begin."""

    def __init__(self, settings: BatchedSettings) -> None:
        self.settings = settings
        self.local = LocalRunner(settings)

    def run(self, queue: JobQueue) -> None:
        workers: dict[Connection, Worker] = {}
        held: list[TrainingJob] = []
        stack: Future[StackOutcome] | None = None
        with ProcessPoolExecutor(1, get_context("spawn"), end_with_parent) as gpu:
            try:
                while True:
                    trained = [job for job in held if job.trained()]
                    held += [job for job in queue.take(kind=TrainingJob) if isinstance(job, TrainingJob)]
                    if stack is None and (jobs := _complete_kind(queue, held)):
                        stack = gpu.submit(train_stack, jobs)
                    for job in trained[: self.settings.workers - len(workers)]:
                        held.remove(job)
                        with _without_gpu():
                            worker = self.local.start(job)
                        workers[worker.result] = worker
                    for job in queue.take(self.settings.workers - len(workers)):
                        worker = self.local.start(job)
                        workers[worker.result] = worker
                    if not workers and stack is None and not held:
                        return
                    for connection in wait(list(workers), POLL_S):
                        assert isinstance(connection, Connection)
                        queue.settle(finished_of(workers.pop(connection)))
                    if stack is not None and stack.done():
                        for name, error in _outcome(stack, held).items():
                            held = [job for job in held if job.name != name]
                            queue.settle(Finished(name, "failed", error))
                        stack = None
            finally:
                self.local.stop(workers.values())
