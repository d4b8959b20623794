"""The first stage: a task's demonstrations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import DatasetError
from sdm_sim.differing_option import differing_option

from sdm_training.benchmark.jobs.job import Job
from sdm_training.settings import composed_values


@dataclass(frozen=True)
class DemonstrationsJob(Job):
    """Brings a store to exactly so many episodes."""

    kind: ClassVar[str] = "demonstrations"

    task: str
    store: Path
    episodes: int

    def done(self) -> bool:
        try:
            store = self._stored()
        except DatasetError:  # which check() tells
            return False
        return len(store or ()) == self.episodes and self._differing_option(store) is None

    def check(self) -> None:
        store = self._stored()
        if not store:
            return
        if len(store) > self.episodes:
            raise DatasetError(
                f"{self.store} holds {len(store)} episodes, the suite wants {self.episodes}: "
                "choose other folders with data=… runs=…"
            )
        if differing := self._differing_option(store):
            option, was, now = differing
            raise DatasetError(
                f"{self.store} was recorded with {option}={was}, the suite wants {now}: "
                "choose other folders with data=… runs=…"
            )

    def result(self) -> str:
        return f"{EpisodeStore.count(self.places.root / self.store)} episodes"

    @property
    def labels(self) -> dict[str, Any]:
        return {"task": self.task, "demos": self.episodes}

    def _stored(self) -> EpisodeStore | None:
        path = self.places.root / self.store
        return EpisodeStore.view(path) if path.is_dir() else None

    def _differing_option(self, store: EpisodeStore | None) -> tuple[str, object, object] | None:
        return differing_option(store, _options(self.overrides)) if store else None


@lru_cache
def _options(overrides: tuple[str, ...]) -> dict[str, Any]:
    """What the job asks of sdm-demos that would make other demonstrations."""
    values = composed_values("demos", overrides)
    told = ("camera_noise", "disturbed", "seed0", "max_failures", "colour", "images", "image_size")
    return {option: values[option] for option in told}
