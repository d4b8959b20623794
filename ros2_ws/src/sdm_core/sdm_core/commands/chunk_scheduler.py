"""Which target holds now, out of overlapping chunks that arrived late, twice or out of order."""

from __future__ import annotations

from copy import copy

import numpy as np
from numpy.typing import NDArray

from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_space import CommandSpace, is_motion
from sdm_core.contract import Contract
from sdm_core.errors import CommandError

SCHEDULERS = ("receding", "ensemble")


class ChunkScheduler:
    """Splices chunks of absolute targets (or native commands) on their stamps; it neither limits nor checks motion.

    `receding`: the newest chunk that has begun wins. `ensemble`: the mean of all chunks that cover now, weighted
    `exp(-decay * k)` with k = 0 for the oldest (Zhao et al. 2023, ACT, temporal ensembling); those of observations
    older than `max_age_ns` are left out of it.

    A chunk's entry i covers `[stamp + i dt, stamp + (i + 1) dt)`: native commands and rates are constant within it,
    poses and joint positions run linearly to the next entry and rest on the last.
    """

    def __init__(
        self, contract: Contract, mode: str = "receding", decay: float = 0.01, *, max_age_ns: int | None = None
    ) -> None:
        if mode not in SCHEDULERS:
            raise CommandError(f"scheduler '{mode}' is unknown; use one of {', '.join(SCHEDULERS)}")
        self._space = CommandSpace(contract.action)
        self._interpolates = is_motion(contract.action)
        self._names = tuple(entry.name for entry in contract.action.entries)
        self._mode = mode
        self._decay = decay
        self._max_age_ns = max_age_ns
        self._chunks: list[ActionChunk] = []

    def reset(self) -> None:
        """Forgets every chunk."""
        self._chunks = []

    def copy(self) -> ChunkScheduler:
        """A scheduler of the same chunks, to look ahead with."""
        return copy(self)

    def add(self, chunk: ActionChunk) -> None:
        """Takes a chunk in any order of arrival; of two with the same stamp the later arrival stays.

        Raises CommandError, and takes nothing, where `require` does.
        """
        self.require(chunk)
        self._chunks = [other for other in self._chunks if other.stamp_ns != chunk.stamp_ns]
        self._chunks.append(chunk)
        self._chunks.sort(key=lambda other: other.stamp_ns)

    def require(self, chunk: ActionChunk) -> None:
        """Raises CommandError if any entry of the chunk is not finite or the chunk has the wrong width."""
        if chunk.targets.shape[1] != len(self._names):
            raise CommandError(
                f"chunk {chunk.sequence} has {chunk.targets.shape[1]} entries a target, "
                f"the contract {len(self._names)}: {', '.join(self._names)}"
            )
        if not np.isfinite(chunk.targets).all():
            row, column = np.argwhere(~np.isfinite(chunk.targets))[0]
            value = f"{self._names[column]} = {chunk.targets[row, column]}"
            raise CommandError(
                f"chunk {chunk.sequence}: target {row} has {value}; it is dropped whole: see to whoever publishes it"
            )

    def at(self, now_ns: int) -> NDArray[np.float64] | None:
        """The target float64[A] for `now_ns`; None where no chunk covers it. Chunks that have ended are dropped."""
        self.drop_stale(now_ns)
        covering = [chunk for chunk in self._chunks if chunk.stamp_ns <= now_ns]
        if not covering:
            return None
        averaged = [chunk for chunk in covering if self._is_young(chunk, now_ns)]
        if self._mode == "receding" or len(averaged) < 2:
            return self._value(covering[-1], now_ns)
        weights = np.exp(-self._decay * np.arange(len(averaged)))
        return self._space.mean(np.stack([self._value(chunk, now_ns) for chunk in averaged]), weights)

    def age(self, now_ns: int) -> int | None:
        """Nanoseconds since the observation of the newest chunk that has begun; None if there is none."""
        stamps = [chunk.stamp_ns for chunk in self._chunks if chunk.stamp_ns <= now_ns]
        return now_ns - stamps[-1] if stamps else None

    @property
    def end_ns(self) -> int:
        """The first time that no chunk covers; 0 where there is none."""
        return max((chunk.end_ns for chunk in self._chunks), default=0)

    def _is_young(self, chunk: ActionChunk, now_ns: int) -> bool:
        return self._max_age_ns is None or now_ns - chunk.stamp_ns <= self._max_age_ns

    def drop_stale(self, now_ns: int) -> None:
        """Forgets what nobody who asks for `now_ns` and later would be told of."""
        self._chunks = [chunk for chunk in self._chunks if chunk.end_ns > now_ns]
        if self._mode == "receding":
            begun = [chunk for chunk in self._chunks if chunk.stamp_ns <= now_ns]
            self._chunks = [chunk for chunk in self._chunks if chunk.stamp_ns > now_ns or chunk is begun[-1]]

    def _value(self, chunk: ActionChunk, now_ns: int) -> NDArray[np.float64]:
        index, remainder = divmod(now_ns - chunk.stamp_ns, chunk.dt_ns)
        if not self._interpolates or remainder == 0 or index + 1 == len(chunk.targets):
            return chunk.targets[index].copy()
        return self._space.interpolate(chunk.targets[index], chunk.targets[index + 1], remainder / chunk.dt_ns)
