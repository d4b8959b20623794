"""The first stage: a task's demonstrations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import DatasetError

from sdm_training.benchmark.jobs.job import Job


@dataclass(frozen=True)
class DemonstrationsJob(Job):
    """Brings a store to exactly so many episodes."""

    kind: ClassVar[str] = "demonstrations"

    task: str
    store: Path
    episodes: int

    def done(self) -> bool:
        return self._stored() == self.episodes

    def check(self) -> None:
        if self._stored() > self.episodes:
            raise DatasetError(
                f"{self.store} holds {self._stored()} episodes, the suite wants {self.episodes}: "
                "choose other folders with data=… runs=…"
            )

    def result(self) -> str:
        return f"{self._stored()} episodes"

    @property
    def labels(self) -> dict[str, Any]:
        return {"task": self.task, "demos": self.episodes}

    def _stored(self) -> int:
        return EpisodeStore.count(self.places.root / self.store)
