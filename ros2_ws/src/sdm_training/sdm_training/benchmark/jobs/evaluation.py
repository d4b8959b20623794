"""The last stage: one evaluation, one result line."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import yaml
from sdm_core.checkpoint import TRAINING, Checkpoint
from sdm_core.errors import CheckpointError
from sdm_core.results import read_results

from sdm_training.benchmark.cell import Cell, reported
from sdm_training.benchmark.jobs.job import Job
from sdm_training.benchmark.jobs.training import TrainingJob
from sdm_training.evaluation.protocols import POLICY
from sdm_training.runs.run_folder import RunFolder


@dataclass(frozen=True)
class EvaluationJob(Job):
    """Evaluates a checkpoint for a cell."""

    kind: ClassVar[str] = "evaluation"

    cell: Cell
    training: TrainingJob
    checkpoint: Path

    def done(self) -> bool:
        return self._line() is not None

    def check(self) -> None:
        """Another checkpoint would give a line that is not the cell's, another recipe one that is not the method's."""
        folder = self.places.root / self.checkpoint
        metrics = Checkpoint.open(folder).metrics
        for key in POLICY:
            wanted, found = getattr(self.cell, key), reported(metrics, key)
            if wanted != found:
                raise CheckpointError(
                    f"{self.checkpoint} has {key} {found}, the suite wants {wanted}: correct its row, or delete the run"
                )

        record = yaml.safe_load((folder / TRAINING).read_text())
        self.training.require_recipe(record)
        teacher = self.training.teacher
        if teacher is not None and "teacher_sha256" in record:
            run = RunFolder(self.places.root / teacher.run)
            if run.finished and run.sha256() != record["teacher_sha256"]:
                raise CheckpointError(
                    f"{self.training.run} was distilled from other weights than {teacher.run} has now: "
                    "delete it to distil it again"
                )

    def result(self) -> str:
        line = self._line()
        if line is None:
            raise CheckpointError(f"{self.places.results} has no line of {self.cell}: correct the suite's row")
        return f"{line['successes']} of {line['episodes']}"

    @property
    def labels(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self.cell).items() if value is not None}

    def _line(self) -> dict[str, Any] | None:
        lines = result_lines(self.places.root / self.places.results)
        return next((line for line in lines if self.cell.reported_by(line)), None)


def result_lines(file: Path) -> list[dict[str, Any]]:
    """All lines of the file as it is now; parsed again only when it has changed."""
    if not file.exists():
        return []
    state = file.stat()
    return _parsed(file, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=1)
def _parsed(file: Path, size: int, modified_ns: int) -> list[dict[str, Any]]:
    return read_results(file)
