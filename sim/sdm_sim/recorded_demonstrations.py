"""Demonstrations that others recorded, by task: what people showed, beside an expert or in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from sdm_core.contract import Contract
from sdm_core.datasets.dataset import Episode
from sdm_core.errors import TaskError

from sdm_sim.optional_packages import require_package
from sdm_sim.pusht import task as pusht
from sdm_sim.task import Task


class RecordedDemonstrations(Protocol):
    """A published file, read as this project's episodes."""

    def __len__(self) -> int:
        """How many episodes it holds."""
        ...

    def episode(self, index: int, keep_depth: bool = False, contract: Contract | None = None) -> Episode:
        """The episode with the observations of `contract`, None for the task's own."""
        ...

    def provenance(self, index: int) -> dict[str, str]:
        """Where the episode comes from, beside its number."""
        ...


def open_recorded(task: Task, source: str | Path | None) -> RecordedDemonstrations | None:
    """The file `source` of a task that people demonstrated; None without one, for a task with an expert.

    Raises TaskError where a source is missing or cannot be used, and DatasetError where the file has another layout.
    """
    name = task.name
    if source is None:
        if task.expert_kind is None:
            task.expert()  # raises, and says who shows this task instead
        return None
    if name == pusht.NAME:
        from sdm_sim.pusht.demonstrations import PushTDemonstrations

        return PushTDemonstrations(source)
    if name.startswith("robomimic/"):
        return _robomimic(task, source)
    raise TaskError(f"{name} has no reader of recorded demonstrations; leave source out")


def _robomimic(task: Task, source: str | Path) -> RecordedDemonstrations:
    require_package(task.name, "h5py", "pip install h5py, to read its demonstrations")
    from sdm_sim.robomimic.demonstrations import RobomimicDemonstrations
    from sdm_sim.robomimic.task import RobomimicTask

    assert isinstance(task, RobomimicTask)
    return RobomimicDemonstrations(source, task)
