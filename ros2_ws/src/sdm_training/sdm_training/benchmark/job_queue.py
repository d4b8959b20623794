"""The jobs that are left: which are ready, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sdm_training.benchmark.jobs.job import Job
from sdm_training.benchmark.run_job import Finished
from sdm_training.runs.lock import is_held


class JobQueue:
    """Hands each job out once, when what it needs is done; a job that needs a failed one is blocked.

    What another process on the same folders has done meanwhile, or is doing, is not done again. `on_start` and `on_end`
    are told of every job that is handed out and of every one that ends.
    """

    def __init__(
        self, jobs: Iterable[Job], on_start: Callable[[Job], None], on_end: Callable[[Job, Finished], None]
    ) -> None:
        self._left = {job.name: job for job in jobs}
        self._running: set[str] = set()
        self._failed: set[str] = set()
        self._on_start, self._on_end = on_start, on_end

    @property
    def left(self) -> int:
        """Jobs that are waiting or running, here or elsewhere."""
        return len(self._left)

    @property
    def waiting(self) -> list[Job]:
        """Jobs that have not been handed out."""
        return [job for job in self._left.values() if job.name not in self._running]

    def take(self, count: int | None = None, wanted: Callable[[Job], bool] = lambda job: True) -> list[Job]:
        """Up to `count` of the `wanted` jobs that can be run now, in their order; all of them where it is None."""
        taken: list[Job] = []
        for job in self.waiting:
            if count is not None and len(taken) >= count:
                break
            if not wanted(job):
                continue
            failed = [need for need in job.needs if need in self._failed]
            if failed:
                self._end(job, Finished(job.name, "blocked", f"needs {failed[0]}"))
            elif any(need in self._left for need in job.needs) or is_held(job.lock):
                continue
            elif job.done():
                self._end(job, Finished(job.name, "done", f"{job.result()}, done elsewhere"))
            else:
                self._running.add(job.name)
                self._on_start(job)
                taken.append(job)
        return taken

    def settle(self, finished: Finished) -> None:
        """Takes back a job that was handed out; one that another process was faster with waits for that one's end."""
        self._running.remove(finished.name)
        self._end(self._left[finished.name], finished)

    def _end(self, job: Job, finished: Finished) -> None:
        if finished.outcome != "busy":
            del self._left[job.name]
        if finished.outcome in ("failed", "blocked"):
            self._failed.add(job.name)
        self._on_end(job, finished)
