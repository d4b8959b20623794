"""What a job is to the plan, the queue and the runners: one command line that is not repeated once it is done."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sdm_training.benchmark.invoke import Program, invoke


@dataclass(frozen=True)
class Places:
    """Where everything lies. root is absolute, so that a worker on another machine finds it; the others are as on the
    programs' command lines, relative to root or absolute. costs: the file of what jobs cost."""

    root: Path
    data: Path
    runs: Path
    results: Path
    costs: Path


@dataclass(frozen=True)
class Job(ABC):
    """One stage. name: unique, such as metaworld/sweep/sdm_small_seed0.training; needs: names of what comes before."""

    kind: ClassVar[str]

    places: Places
    name: str
    needs: tuple[str, ...]
    program: Program
    overrides: tuple[str, ...]

    @abstractmethod
    def done(self) -> bool:
        """Whether its product is there, whole. Reads only, and may be asked from any folder."""

    @abstractmethod
    def check(self) -> None:
        """Raises SdmError where what it starts from is not what the suite says."""

    @abstractmethod
    def result(self) -> str:
        """What came out, in a few words."""

    @property
    @abstractmethod
    def labels(self) -> dict[str, Any]:
        """What the line of its cost says beside its name: its task, its method, … as far as it has them."""

    def make(self) -> None:
        """Makes what is missing of its product, in the folder `root`. Raises SdmError."""
        self.check()
        invoke(self.program, self.overrides)

    @property
    def command(self) -> tuple[str, ...]:
        """The command line that does the same by hand."""
        return (f"sdm-{self.program}", *self.overrides)

    @property
    def log(self) -> Path:
        """Where everything goes that the job prints."""
        return self._beside("log")

    @property
    def lock(self) -> Path:
        """Held by whoever runs it."""
        return self._beside("lock")

    @property
    def spent(self) -> Path:
        """What attempts that were killed have cost (see cost)."""
        return self._beside("spent")

    def _beside(self, suffix: str) -> Path:
        return self.places.root / self.places.runs / "jobs" / f"{self.name}.{suffix}"
