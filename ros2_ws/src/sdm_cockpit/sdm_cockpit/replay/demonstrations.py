"""A recording beside a dataset's demonstrations: what a policy that learned of these can know of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import ContractError, DatasetError

from sdm_cockpit.replay.nearest_demonstration import NearestDemonstration, Neighbour
from sdm_cockpit.replay.recording import Recording
from sdm_cockpit.replay.state_range import RangedEntry, StateRange


@dataclass(frozen=True, eq=False)
class Comparison:
    """One step: its state's entries in their ranges, the nearest steps of the dataset `source`, and the points [M,3]
    that were seen at the nearest one, by cloud where there are clouds."""

    source: str
    entries: tuple[RangedEntry, ...]
    by_state: Neighbour
    by_cloud: Neighbour | None
    cloud: NDArray[np.float32] | None


class Demonstrations:
    """Those of one dataset. A recording that is among them is compared with the others."""

    def __init__(self, path: Path) -> None:
        """Raises DatasetError where there is none."""
        self._store = EpisodeStore.view(path)
        self._path = path
        if not len(self._store):
            raise DatasetError(f"{path}: holds no demonstration yet; record one")

    def require_fit(self, recording: Recording) -> None:
        """Raises ContractError where its states mean something else, DatasetError where it is the only one."""
        if self._store.contract.observation.state != recording.contract.observation.state:
            raise ContractError(
                f"{self._path} was recorded with other states than {recording.source}; give demonstrations of its task"
            )
        if self._itself(recording) is not None and len(self._store) == 1:
            raise DatasetError(f"{self._path}: holds no other demonstration to compare this one with")

    def compare(self, recording: Recording) -> Iterator[Comparison]:
        """One for each step, in order. Raises as require_fit."""
        self.require_fit(recording)
        itself = self._itself(recording)
        ranges = StateRange(self._store, leave_out=itself)
        for step, state in enumerate(recording.state):
            seen = recording.cloud(step)
            by_state = self._nearest.by_state(state, leave_out=itself)
            by_cloud = None if seen is None else self._nearest.by_cloud(seen, leave_out=itself)
            cloud = self._nearest.cloud(by_cloud or by_state)
            yield Comparison(self._path.name, ranges.of(state), by_state, by_cloud, cloud)

    @cached_property
    def _nearest(self) -> NearestDemonstration:
        return NearestDemonstration(self._store)

    def _itself(self, recording: Recording) -> int | None:
        """The recording's number, where it is one of these."""
        return recording.number if Path(recording.source).resolve() == self._path.resolve() else None
