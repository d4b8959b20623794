"""What a runner is."""

from __future__ import annotations

from typing import Protocol

from sdm_training.benchmark.job_queue import JobQueue


class Runner(Protocol):
    """Runs jobs somewhere. It knows neither suites nor results."""

    def run(self, queue: JobQueue) -> None:
        """Takes ready jobs from the queue, has each run by `run_job`, and settles each as it ends.

        Returns once none is ready and none is running. A runner may take all that are ready at once and do the work of
        several together: `run_job` then finds their products and goes on from there.
        """
        ...
