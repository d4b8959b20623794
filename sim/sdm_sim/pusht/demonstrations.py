"""Diffusion Policy's human demonstrations of PushT, converted to what this project's policies observe.

Their file (`pusht_cchi_v7_replay.zarr.zip`) holds `data/state` [T,5], `data/action` [T,2], in mm of PushT's world, and
`meta/episode_ends` [E], in zarr format 2. The depth camera looks at each recorded state; nothing is simulated anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np
import zarr
from numpy.typing import NDArray
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import Episode
from sdm_core.errors import DatasetError
from zarr.storage import ZipStore

from sdm_sim.episode_builder import EpisodeBuilder
from sdm_sim.pusht.task import EXTRINSICS, INTRINSICS, MM_PER_M, pusht_contract, sensor_frame
from sdm_sim.pusht.world import SIZE

# Row shapes of the arrays that are read; theirs has 25,650 rows.
_ROWS = {"data/state": (5,), "data/action": (2,), "meta/episode_ends": ()}
_MAX_ROWS = 1_000_000


class PushTDemonstrations:
    """A file of that layout, checked whole. Raises DatasetError where it is another."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        arrays = self._read()
        self._states, self._actions, self._ends = (arrays[name] for name in _ROWS)
        self._check()

    def __len__(self) -> int:
        return len(self._ends)

    def provenance(self, index: int) -> dict[str, str]:
        """Nothing but its number, which is the seed of its start."""
        return {}

    def episode(self, index: int, keep_depth: bool = False, contract: Contract | None = None) -> Episode:
        """One demonstration; `index` is also the seed of its start."""
        builder = EpisodeBuilder(contract or pusht_contract(), INTRINSICS, EXTRINSICS, keep_depth)
        first = int(self._ends[index - 1]) if index else 0
        for row in range(first, int(self._ends[index])):
            frame = sensor_frame(self._states[row].astype(np.float64), images=builder.needs_images)
            builder.add(frame, self._actions[row] / MM_PER_M)
        return builder.episode()

    def _read(self) -> dict[str, NDArray]:
        """The arrays of _ROWS. One of objects, which could be pickled, is refused before its chunks are decoded."""
        if not self.path.is_file():
            raise DatasetError(f"{self.path}: no such file; Diffusion Policy's pusht.zip holds it")
        if not is_zipfile(self.path):
            raise self._refusal("it is no zip file")
        try:
            with ZipStore(self.path, mode="r") as store:
                root: Any = zarr.open_group(store, mode="r", zarr_format=2)
                arrays = {name: root[name] for name in _ROWS}
                for name, array in arrays.items():
                    self._require_plain(name, array)
                return {name: np.asarray(array[:]) for name, array in arrays.items()}
        except DatasetError:
            raise
        except Exception:  # zarr and its codecs raise anything from KeyError to their own errors
            raise self._refusal(f"it lacks a readable {', '.join(_ROWS)}") from None

    def _require_plain(self, name: str, array: Any) -> None:
        if array.dtype.kind not in "fiu" or array.ndim == 0 or array.shape[1:] != _ROWS[name]:
            raise self._refusal(f"{name} has shape {array.shape} of {array.dtype}")
        if array.shape[0] > _MAX_ROWS:
            raise self._refusal(f"{name} has {array.shape[0]} rows")

    def _check(self) -> None:
        rows = len(self._states)
        if not len(self._ends) or not (np.diff(self._ends, prepend=0) > 0).all() or self._ends[-1] != rows:
            raise self._refusal(f"episode_ends do not divide its {rows} rows")
        if len(self._actions) != rows:
            raise self._refusal(f"{rows} states and {len(self._actions)} actions do not pair")
        places = np.concatenate([self._states[:, :4], self._actions], axis=1)
        if not (np.isfinite(self._states).all() and ((places >= 0) & (places <= SIZE)).all()):
            raise self._refusal(f"places lie beyond its table of {SIZE:g} mm")

    def _refusal(self, reason: str) -> DatasetError:
        return DatasetError(f"{self.path}: not PushT demonstrations in Diffusion Policy's layout: {reason}")
