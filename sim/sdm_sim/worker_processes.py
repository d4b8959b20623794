"""Independent jobs in worker processes, which end with their parent."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from sdm_core.errors import SdmError
from sdm_core.orphan import end_with_parent

Argument = TypeVar("Argument")
Result = TypeVar("Result")

# Read by the libraries when a worker imports them: two busy thread pools on two cores are slower than one.
_SINGLE_THREAD = {"OMP_NUM_THREADS": "1", "LP_NUM_THREADS": "1"}


def in_workers(
    job: Callable[[Argument], Result], arguments: Mapping[str, Argument], workers: int
) -> Iterator[tuple[str, Result | SdmError]]:
    """Runs `job`, a function of a module, on every argument; yields its name and what it gave as each is done.

    A job's SdmError is what it gave. Whatever else is raised here or there, an interrupt too, ends all workers.
    """
    for name, value in _SINGLE_THREAD.items():
        os.environ.setdefault(name, value)
    # Spawned, not forked: a renderer's context does not survive a fork.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), end_with_parent)
    try:
        names = {pool.submit(job, argument): name for name, argument in arguments.items()}
        for done in as_completed(names):
            try:
                yield names[done], done.result()
            except BrokenProcessPool:
                raise SdmError(f"{names[done]}: a worker was ended from outside; repeat the command") from None
            except SdmError as error:
                yield names[done], error
        pool.shutdown()
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        pool.shutdown(cancel_futures=True)
        raise
