"""Runs one job: what every runner calls, in whatever process and on whatever machine."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from sdm_core.errors import SdmError

from sdm_training.benchmark.cost import metered
from sdm_training.benchmark.jobs.job import Job
from sdm_training.runs.lock import Held, lock

Outcome = Literal["done", "failed", "blocked", "busy"]


@dataclass(frozen=True)
class Finished:
    """How a job ended: `blocked` by a failed one that it needs, or found `busy` in another process.

    note: its result, or the error in one line.
    """

    name: str
    outcome: Outcome
    note: str
    seconds: float = 0.0


def run_job(job: Job) -> Finished:
    """Runs a job to its end, alone, in its folder; it resumes what a killed one left, and does nothing that is done.

    An error is a result here, for one job must not end the others.
    """
    started = time.perf_counter()

    def finished(outcome: Outcome, note: str) -> Finished:
        return Finished(job.name, outcome, note, time.perf_counter() - started)

    try:
        with contextlib.chdir(job.places.root), lock(job.lock), printing_to(job.log):
            print(f"\n{datetime.now():%Y-%m-%d %H:%M:%S} $ {shlex.join(job.command)}", flush=True)
            try:
                if not job.done():
                    with metered(job.places.costs, job.spent, name=job.name, stage=job.kind, **job.labels):
                        job.make()
                return finished("done", job.result())
            except Exception:
                traceback.print_exc()
                raise
    except Held as error:
        return finished("busy", str(error))
    except SdmError as error:
        return finished("failed", str(error))
    except Exception as error:
        first = str(error).strip().partition("\n")[0]
        return finished("failed", f"{type(error).__name__}: {first} (see {job.log})")


@contextlib.contextmanager
def printing_to(log: Path) -> Iterator[None]:
    """Appends to a file what this process and its children print, libraries written in C included."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", buffering=1) as file, contextlib.ExitStack() as kept:
        for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
            stream.flush()
            copy = os.dup(descriptor)
            kept.callback(os.close, copy)
            kept.callback(os.dup2, copy, descriptor)
            os.dup2(file.fileno(), descriptor)
        # Python's own streams need not be those of the descriptors.
        with contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
            yield
