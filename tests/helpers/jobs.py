"""Jobs of a benchmark that take no time: they leave a file, fail, or die."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from sdm_core.errors import TaskError
from sdm_training.benchmark.jobs.job import Job, Places


@dataclass(frozen=True)
class ToyJob(Job):
    """Adds a line to a file when it ends well, and is done then."""

    kind: ClassVar[str] = "toy"

    ending: Literal["well", "project error", "bug", "death", "death at first"] = "well"
    takes_s: float = 0.0

    @property
    def product(self) -> Path:
        return self.places.root / f"{self.name}.product"

    def done(self) -> bool:
        return self.product.exists()

    def check(self) -> None:
        """Nothing to be checked."""

    def make(self) -> None:
        attempts = self.product.with_suffix(".attempts")
        with attempts.open("a") as file:
            file.write(f"{os.getpid()}\n")
        print(f"{self.name} at work", flush=True)
        if self.ending == "project error":
            raise TaskError("no such task")
        if self.ending == "bug":
            raise ZeroDivisionError("a bug")
        if self.ending == "death" or (self.ending == "death at first" and len(attempts.read_text().split()) == 1):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.takes_s)
        with self.product.open("a") as file:
            file.write("made\n")

    def result(self) -> str:
        return "made"

    @property
    def labels(self) -> dict[str, Any]:
        return {"task": "toy/near"}


def places(root: Path) -> Places:
    return Places(root, Path("data"), Path("runs"), Path("results.jsonl"), Path("jobs.jsonl"))


def toy_job(root: Path, name: str, *needs: str, **options: object) -> ToyJob:
    """A job below `root`; options: ending, takes_s."""
    return ToyJob(places(root), name, needs, "demos", (), **options)  # pyright: ignore[reportArgumentType]
