"""The first stage: a task's demonstrations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import DatasetError
from sdm_sim.other_option import other_option

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
        return self._stored() == self.episodes and self._other_option() is None

    def check(self) -> None:
        if self._stored() > self.episodes:
            raise DatasetError(
                f"{self.store} holds {self._stored()} episodes, the suite wants {self.episodes}: "
                "choose other folders with data=… runs=…"
            )
        if other := self._other_option():
            option, was, now = other
            raise DatasetError(
                f"{self.store} was recorded with {option}={was}, the suite wants {now}: "
                "choose other folders with data=… runs=…"
            )

    def result(self) -> str:
        return f"{self._stored()} episodes"

    @property
    def labels(self) -> dict[str, Any]:
        return {"task": self.task, "demos": self.episodes}

    def _stored(self) -> int:
        return EpisodeStore.count(self.places.root / self.store)

    def _other_option(self) -> tuple[str, object, object] | None:
        """See other_option; None where nothing is stored yet."""
        if not self._stored():
            return None
        return other_option(EpisodeStore.view(self.places.root / self.store), _options(self.overrides))


@lru_cache
def _options(overrides: tuple[str, ...]) -> dict[str, Any]:
    """What the job asks of sdm-demos that would make other demonstrations."""
    values = composed_values("demos", overrides)
    return {option: values[option] for option in ("camera_noise", "seed0", "colour", "images", "image_size")}
