"""What a person sees of a benchmark: what runs, what came out, how long it will take."""

from __future__ import annotations

import time
from collections import Counter, defaultdict

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from sdm_training.benchmark.jobs.job import Job
from sdm_training.benchmark.run_job import Finished

_COLOURS = {"done": "green", "failed": "red"}


class Board:
    """One bar for all jobs, a line for each that runs, and a printed line for each that has ended."""

    def __init__(self, jobs: list[Job], console: Console) -> None:
        self.failed: list[str] = []
        self.blocked = 0
        self._console = console
        self._left = Counter(job.kind for job in jobs)
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._started = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[eta]}"),
            console=console,
        )
        self._bar = self._progress.add_task("jobs", total=len(jobs), eta="")
        self._lines: dict[str, TaskID] = {}

    def __enter__(self) -> Board:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def started(self, job: Job) -> None:
        """A job is running now."""
        self._lines[job.name] = self._progress.add_task(job.name, total=None, eta="")

    def ended(self, job: Job, finished: Finished) -> None:
        """A job has ended, or is another process's now."""
        if (line := self._lines.pop(job.name, None)) is not None:
            self._progress.remove_task(line)
        if finished.outcome == "busy":
            return
        self._left[job.kind] -= 1
        if finished.outcome == "blocked":
            self.blocked += 1
        else:
            colour, seconds = _COLOURS[finished.outcome], round(finished.seconds)
            self._console.print(f"[{colour}]{finished.outcome}[/] {job.name}: {escape(finished.note)} ({seconds} s)")
        if finished.outcome == "failed":
            self.failed.append(job.name)
        if finished.outcome == "done":
            self._seconds[job.kind].append(finished.seconds)
        self._progress.update(self._bar, advance=1, eta=self._eta())

    def _eta(self) -> str:
        """Mean durations of what has ended, by kind, times what is left, at the parallelism seen so far."""
        every = [seconds for kind in self._seconds.values() for seconds in kind]
        if not sum(every):
            return ""
        parallel = max(sum(every) / (time.monotonic() - self._started), 1.0)
        overall = sum(every) / len(every)
        work = 0.0
        for kind, count in self._left.items():
            seen = self._seconds.get(kind)
            work += count * (sum(seen) / len(seen) if seen else overall)
        minutes = round(work / parallel / 60)
        return f"ETA {minutes // 60} h {minutes % 60:02d} min"
