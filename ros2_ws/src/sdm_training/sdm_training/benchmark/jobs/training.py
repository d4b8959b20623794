"""The second stage: a teacher from demonstrations, then a student from its teacher."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sdm_core.checkpoint import METRICS, WEIGHTS

from sdm_training.benchmark.jobs.job import Job


@dataclass(frozen=True)
class TrainingJob(Job):
    """Trains a run and exports it at every step count that is evaluated; both resume where they were killed."""

    kind: ClassVar[str] = "training"

    task: str
    method: str
    variant: str | None
    network: str
    seed: int
    run: Path
    checkpoints: tuple[Path, ...]

    def done(self) -> bool:
        # An export folder appears whole.
        return all((self.places.root / checkpoint / METRICS).is_file() for checkpoint in self.checkpoints)

    @property
    def trained(self) -> bool:
        """Whether only its exports are left to do."""
        return (self.places.root / self.run / WEIGHTS).is_file()

    def check(self) -> None:
        """The programs check what they start from themselves."""

    def result(self) -> str:
        return "trained"

    @property
    def labels(self) -> dict[str, Any]:
        given = {key: getattr(self, key) for key in ("task", "method", "variant", "network", "seed")}
        return {key: value for key, value in given.items() if value is not None}
