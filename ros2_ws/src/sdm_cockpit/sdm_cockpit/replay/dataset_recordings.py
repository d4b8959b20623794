"""The episodes of a dataset as recordings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sdm_core.datasets.dataset import SUCCESS, UNLABELLED, EpisodeStore, image_arrays
from sdm_core.errors import DatasetError

from sdm_cockpit.replay.recording import Recording


class DatasetRecordings:
    """Reads one episode at a time, since those with images are large. It only looks: others may append meanwhile."""

    def __init__(self, path: Path, source: str = "") -> None:
        """`source`: what to call it, if not by its path. Raises DatasetError where there is no episode."""
        self._store = EpisodeStore.view(path)
        self.source = source or str(path)
        self.contract = self._store.contract
        self.problems: tuple[str, ...] = ()
        if not len(self._store):
            raise DatasetError(f"{path}: holds no episode yet; record one")

    def __len__(self) -> int:
        return len(self._store)

    def __iter__(self) -> Iterator[Recording]:
        return (self[index] for index in range(len(self)))

    def success(self, index: int) -> bool | None:
        """How an episode was judged, without reading it; None: not at all."""
        outcome = self._store.outcomes[index]
        return None if outcome == UNLABELLED else bool(outcome == SUCCESS)

    def __getitem__(self, index: int) -> Recording:
        """Raises DatasetError where there is no such episode."""
        store = self._store
        ends = [0, *store.episode_ends.tolist()]
        if not 0 <= index < len(ends) - 1:
            raise DatasetError(f"{self.source}: has no episode {index}; it holds {len(ends) - 1}, counted from 0")
        rows = slice(ends[index], ends[index + 1])
        noted = store.provenance[index] if index < len(store.provenance) else {}
        return Recording(
            source=self.source,
            number=index,
            of=len(ends) - 1,
            contract=self.contract,
            times_s=np.arange(rows.stop - rows.start) * self.contract.dt,
            state=store.read("state", rows).astype(np.float32),
            action=store.read("action", rows).astype(np.float32),
            clouds=store.read("point_cloud", rows).astype(np.float32) if self.contract.observation.cloud else None,
            images={image.camera: store.read(name, rows) for name, image in image_arrays(self.contract).items()},
            success=self.success(index),
            seed=int(noted.get("seed", index)),
        )
