"""What a job costs: CPU and wall time, also that of attempts that were killed, as one line when it has ended."""

from __future__ import annotations

import json
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sdm_core.atomic import atomic_write
from sdm_core.provenance import origin
from sdm_core.results import append_result

# A killed attempt's last seconds that are not counted, at most.
KEPT_EVERY_S = 10.0


@dataclass(frozen=True)
class Spent:
    """CPU seconds of a process and of its children that have ended, wall seconds, and attempts that were begun."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    attempts: int = 0

    @classmethod
    def of_this_process(cls) -> Spent:
        """Since its start; wall time since any fixed moment."""
        used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return cls(sum(one.ru_utime + one.ru_stime for one in used), time.monotonic())

    @classmethod
    def load(cls, file: Path) -> Spent:
        """What attempts that did not end have left; nothing where there were none."""
        return cls(**json.loads(file.read_text())) if file.exists() else cls()

    def save(self, file: Path) -> None:
        """Writes it whole or not at all."""
        atomic_write(file, json.dumps(asdict(self)).encode())


@contextmanager
def metered(costs: Path, kept: Path, **what: Any) -> Iterator[None]:
    """Appends to the file `costs` what the block has cost, once it has ended well or with an error; `what`: of what.

    Meanwhile the sum so far is kept in the file `kept`, every KEPT_EVERY_S: an attempt that is killed or interrupted is
    a part of the next one's line. Not counted are the last seconds before a kill, the time of children that it ended
    too, the start of the process, and the training that is imported once for all jobs of a runner; and a job that is
    killed between its last file and its line has none.
    """
    before, begun = Spent.load(kept), Spent.of_this_process()

    def spent() -> Spent:
        now = Spent.of_this_process()
        cpu_s, wall_s = before.cpu_s + now.cpu_s - begun.cpu_s, before.wall_s + now.wall_s - begun.wall_s
        return Spent(round(cpu_s, 2), round(wall_s, 2), before.attempts + 1)

    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(KEPT_EVERY_S):
            spent().save(kept)

    def settle(outcome: Literal["done", "failed"]) -> None:
        append_result(costs, {"kind": "job", **what, "outcome": outcome, **asdict(spent()), **origin()})
        kept.unlink(missing_ok=True)

    spent().save(kept)
    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    except BaseException as error:
        _stop(ended, keeper)
        if isinstance(error, Exception):
            settle("failed")
        else:  # interrupted: its cost is the next attempt's
            spent().save(kept)
        raise
    _stop(ended, keeper)
    settle("done")


def _stop(ended: threading.Event, keeper: threading.Thread) -> None:
    ended.set()
    keeper.join()
