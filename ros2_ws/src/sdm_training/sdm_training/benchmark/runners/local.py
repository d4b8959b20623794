"""Worker processes on this machine, a fresh one for each job: one that crashes takes nothing along."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from pydantic import Field
from sdm_core.orphan import end_with_parent

from sdm_training.benchmark.job_queue import JobQueue
from sdm_training.benchmark.jobs.job import Job
from sdm_training.benchmark.run_job import Finished, run_job
from sdm_training.settings import Part


class LocalSettings(Part):
    """workers: jobs side by side, one thread each."""

    kind: str = "local"
    workers: int = Field(gt=0)


@dataclass(frozen=True)
class Worker:
    """A process that runs one job; its `result` is read once it ends."""

    job: Job
    process: BaseProcess
    result: Connection


class LocalRunner:
    """See Runner."""

    def __init__(self, settings: LocalSettings) -> None:
        self.settings = settings
        # Forked from a server that has imported the training, not from this process and its threads.
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["sdm_training.programs.distill", "sdm_training.programs.train"])

    def run(self, queue: JobQueue) -> None:
        workers: dict[Connection, Worker] = {}
        try:
            while True:
                for job in queue.take(self.settings.workers - len(workers)):
                    worker = self.start(job)
                    workers[worker.result] = worker
                if not workers:
                    return
                for connection in wait(list(workers)):
                    assert isinstance(connection, Connection)
                    queue.settle(finished_of(workers.pop(connection)))
        finally:
            stop(workers.values())

    def start(self, job: Job) -> Worker:
        """A process that runs the job."""
        result, theirs = self.context.Pipe(duplex=False)
        process = self.context.Process(target=_work, args=(job, theirs))
        process.start()
        theirs.close()  # so that the worker's end is the last one, and its death is seen
        return Worker(job, process, result)


def _work(job: Job, result: Connection) -> None:
    """What a worker does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it ends the workers
    # As an exception, so that what is open is closed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    end_with_parent()
    result.send(run_job(job))


def stop(workers: Iterable[Worker]) -> None:
    """Ends what is still running."""
    workers = list(workers)
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        worker.process.join()


def finished_of(worker: Worker) -> Finished:
    """How the job of a worker that is ending has ended."""
    try:
        return worker.result.recv()
    except EOFError:
        worker.process.join()
        return Finished(
            worker.job.name,
            "failed",
            f"its worker ended with status {worker.process.exitcode} (see {worker.job.log})",
        )
    finally:
        worker.result.close()
        worker.process.join()


SETTINGS = LocalSettings


def create(settings: LocalSettings) -> LocalRunner:
    """The runner of this kind."""
    return LocalRunner(settings)
