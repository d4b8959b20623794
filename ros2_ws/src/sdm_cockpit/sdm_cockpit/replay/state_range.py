"""A state against the demonstrations: what a policy was never shown it cannot know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sdm_core.datasets.dataset import EpisodeStore


@dataclass(frozen=True)
class RangedEntry:
    """A state entry now, and the least and the greatest value that any demonstration holds of it."""

    name: str
    unit: str
    low: float
    high: float
    now: float

    @property
    def outside(self) -> bool:
        """Whether no demonstration reaches that far."""
        return not self.low <= self.now <= self.high


class StateRange:
    """The range of each state entry over all demonstrations of a dataset, but for the episode `leave_out`."""

    def __init__(self, store: EpisodeStore, leave_out: int | None = None) -> None:
        ends = store.episode_ends
        states = store.read("state", slice(0, int(ends[-1])))
        if leave_out is not None:
            begin = int(ends[leave_out - 1]) if leave_out else 0
            states = np.delete(states, slice(begin, int(ends[leave_out])), axis=0)
        self._entries = store.contract.observation.state
        self._low, self._high = states.min(axis=0), states.max(axis=0)

    def of(self, state: NDArray) -> tuple[RangedEntry, ...]:
        """Each entry of a state [S]. It is rounded as datasets are, so that a state out of one lies within."""
        values = state.astype(self._low.dtype)
        return tuple(
            RangedEntry(entry.name, entry.unit, float(low), float(high), float(now))
            for entry, low, high, now in zip(self._entries, self._low, self._high, values, strict=True)
        )

    def outside(self, state: NDArray) -> tuple[RangedEntry, ...]:
        """Those entries that no demonstration reaches; one that is not finite is among them."""
        return tuple(entry for entry in self.of(state) if entry.outside)
