"""State vectors, matched by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdm_core.contract import StateEntry
from sdm_core.errors import ObservationError


class StateVector:
    """Gathers a contract's state entries from named scalars, whatever their order or company."""

    def __init__(self, entries: Sequence[StateEntry]) -> None:
        self.names = tuple(entry.name for entry in entries)
        self._order: tuple[tuple[str, ...], NDArray[np.intp]] | None = None

    def gather(self, names: Sequence[str], values: Sequence[float] | NDArray) -> NDArray[np.float64]:
        """float64[S] in the contract's order. Raises ObservationError on a missing, repeated or non-finite entry."""
        names = tuple(names)
        if len(names) != len(values):
            raise ObservationError(f"{len(names)} names but {len(values)} values in the joint states")
        if self._order is None or self._order[0] != names:
            self._order = names, self._indices(names)
        state = np.asarray(values, np.float64)[self._order[1]]
        if not np.isfinite(state).all():
            bad = [name for name, value in zip(self.names, state, strict=True) if not np.isfinite(value)]
            raise ObservationError(f"state {', '.join(bad)} is not finite; check the driver")
        return state

    def _indices(self, names: tuple[str, ...]) -> NDArray[np.intp]:
        position = {name: index for index, name in enumerate(names)}
        missing = [name for name in self.names if name not in position]
        if missing:
            raise ObservationError(f"state lacks {', '.join(missing)}; it has {', '.join(names) or 'no names'}")
        repeated = [name for name in self.names if names.count(name) > 1]
        if repeated:
            raise ObservationError(f"state has {', '.join(repeated)} twice; publish each name once")
        return np.array([position[name] for name in self.names], np.intp)
