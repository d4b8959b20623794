"""The second stage: a teacher from demonstrations, then a student from its teacher."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sdm_core.checkpoint import METRICS, WEIGHTS
from sdm_core.errors import CheckpointError

from sdm_training.benchmark.invoke import recorded_settings
from sdm_training.benchmark.jobs.job import Job
from sdm_training.runs.recipe_difference import recipe_difference
from sdm_training.runs.run_folder import RunFolder

# What may change without making another policy.
INDIFFERENT = ("compute", "export", "loop", "run")


@dataclass(frozen=True)
class TrainingJob(Job):
    """Trains a run and exports it at every step count that is evaluated; both resume where they were killed. teacher:
    the training of what is distilled."""

    kind: ClassVar[str] = "training"

    task: str
    method: str
    variant: str | None
    network: str
    seed: int
    run: Path
    checkpoints: tuple[Path, ...]
    teacher: TrainingJob | None = None

    def done(self) -> bool:
        # An export folder appears whole.
        return all((self.places.root / checkpoint / METRICS).is_file() for checkpoint in self.checkpoints)

    @property
    def trained(self) -> bool:
        """Whether only its exports are left to do."""
        return (self.places.root / self.run / WEIGHTS).is_file()

    def check(self) -> None:
        """A teacher of another recipe would give another student; the rest the programs check themselves."""
        if self.teacher is not None:
            self.teacher.require_recipe(RunFolder(self.places.root / self.teacher.run).record())

    def recipe(self) -> dict[str, Any]:
        """Its settings as the record of the run would hold them: those that no configuration file names, too."""
        return recorded_settings(self.program, self.overrides)

    def require_recipe(self, record: dict[str, Any]) -> None:
        """Raises CheckpointError unless the record of a training is of this one's recipe."""
        other = recipe_difference(record["config"], self.recipe(), INDIFFERENT)
        if other is not None:
            raise CheckpointError(f"{self.run} was trained with another {other}: delete it to train it again")

    def result(self) -> str:
        return "trained"

    @property
    def labels(self) -> dict[str, Any]:
        given = {key: getattr(self, key) for key in ("task", "method", "variant", "network", "seed")}
        return {key: value for key, value in given.items() if value is not None}
