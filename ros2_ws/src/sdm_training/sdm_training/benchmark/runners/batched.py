"""One GPU beside many cores: trainings are stacked into one program, all else runs in worker processes."""

from __future__ import annotations

from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait

from sdm_core.orphan import end_with_parent

from sdm_training.benchmark.job_queue import JobQueue
from sdm_training.benchmark.jobs.job import Job
from sdm_training.benchmark.jobs.training import TrainingJob
from sdm_training.benchmark.run_job import Finished
from sdm_training.benchmark.runners.local import LocalRunner, LocalSettings, Worker, finished_of, stop
from sdm_training.benchmark.train_stack import stack_key, train_stack

# How often the process that trains is asked, for it has no pipe to wait on.
POLL_S = 0.5


class BatchedSettings(LocalSettings):
    """workers: processes beside the one that trains; they export what it has trained, and evaluate."""

    kind: str = "batched"


@dataclass(frozen=True)
class _Stack:
    jobs: list[TrainingJob]
    outcome: Future[list[Finished]]

    def untrained(self) -> list[Finished]:
        """The jobs that the stack could not train."""
        error = self.outcome.exception()
        if error is None:
            return self.outcome.result()
        killed = isinstance(error, BrokenProcessPool)
        reason = "the process that trained its stack was killed" if killed else f"{type(error).__name__}: {error}"
        return [Finished(job.name, "failed", reason.partition("\n")[0]) for job in self.jobs]


class BatchedRunner:
    """See Runner. A training begins once all that are left of its kind can begin, with them; `run_job` exports it."""

    def __init__(self, settings: BatchedSettings) -> None:
        self.settings = settings
        self.local = LocalRunner(settings)

    def run(self, queue: JobQueue) -> None:
        workers: dict[Connection, Worker] = {}
        held: list[TrainingJob] = []
        stack: _Stack | None = None
        trainer = _trainer()
        try:
            while True:
                held += [job for job in queue.take(wanted=_is_training) if isinstance(job, TrainingJob)]
                if stack is None and (jobs := _whole_kinds(held, queue.waiting)):
                    stack = _Stack(jobs, trainer.submit(train_stack, jobs))
                at_work = set(stack.jobs if stack else ())
                free = self.settings.workers - len(workers)
                trained = [job for job in held if job.trained and job not in at_work][:free]
                held = [job for job in held if job not in trained]
                # The GPU is left to the stacks.
                exports = [replace(job, overrides=(*job.overrides, "compute.device=cpu")) for job in trained]
                ready = [*exports, *queue.take(free - len(trained), wanted=lambda job: not _is_training(job))]
                workers |= {worker.result: worker for worker in map(self.local.start, ready)}
                if not (workers or stack or held):
                    return
                for connection in wait(list(workers), POLL_S):
                    assert isinstance(connection, Connection)
                    queue.settle(finished_of(workers.pop(connection)))
                if stack and stack.outcome.done():
                    untrained = {finished.name: finished for finished in stack.untrained()}
                    held = [job for job in held if job.name not in untrained]
                    for finished in untrained.values():
                        queue.settle(finished)
                    if isinstance(stack.outcome.exception(), BrokenProcessPool):
                        trainer = _trainer()
                    stack = None
        finally:
            stop(workers.values())
            if stack:  # interrupted
                for process in trainer._processes.values():
                    process.terminate()
            trainer.shutdown()


def _trainer() -> ProcessPoolExecutor:
    """One process, which keeps the GPU from stack to stack."""
    return ProcessPoolExecutor(1, get_context("spawn"), end_with_parent)


def _is_training(job: Job) -> bool:
    return isinstance(job, TrainingJob)


def _whole_kinds(held: list[TrainingJob], waiting: list[Job]) -> list[TrainingJob]:
    """The untrained jobs of every kind of which none is still waiting for what it needs."""
    later = {stack_key(job) for job in waiting if isinstance(job, TrainingJob)}
    return [job for job in held if not job.trained and stack_key(job) not in later]


SETTINGS = BatchedSettings


def create(settings: BatchedSettings) -> BatchedRunner:
    """The runner of this kind."""
    return BatchedRunner(settings)
