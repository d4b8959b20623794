"""Demonstrations that others recorded, by task: where people showed it, and no expert is scripted."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from sdm_core.contract import Contract
from sdm_core.dataset import Episode
from sdm_core.errors import TaskError

from sdm_sim.pusht import task as pusht


class RecordedDemonstrations(Protocol):
    """A published file, read as this project's episodes."""

    def __len__(self) -> int:
        """How many episodes it holds."""
        ...

    def episode(self, index: int, keep_depth: bool = False, contract: Contract | None = None) -> Episode:
        """The episode with the observations of `contract`, None for the task's own."""
        ...


def open_recorded(task: str, source: str | Path | None) -> RecordedDemonstrations | None:
    """The file `source` of a task that people demonstrated; None for a task with a scripted expert.

    Raises TaskError where a source is missing or cannot be used, and DatasetError where the file has another layout.
    """
    if task != pusht.NAME:
        if source is not None:
            raise TaskError(f"{task} has a scripted expert and no reader of recorded demonstrations; leave source out")
        return None
    if source is None:
        raise TaskError(f"{task} has no scripted expert; name its human demonstrations, source=FILE")
    from sdm_sim.pusht.demonstrations import PushTDemonstrations

    return PushTDemonstrations(source)
