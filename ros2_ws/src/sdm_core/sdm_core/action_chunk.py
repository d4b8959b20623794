"""A policy's answer to one observation: a short sequence of timed targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdm_core.errors import CommandError


@dataclass(frozen=True, eq=False)
class ActionChunk:
    """`targets[i]` (float64[H, A], the contract's units) is meant for `stamp_ns + i * dt_ns`.

    `stamp_ns` is the observation's stamp, `sequence` counts the chunks of an episode.
    """

    stamp_ns: int
    dt_ns: int
    targets: NDArray[np.float64]
    sequence: int

    def __post_init__(self) -> None:
        if self.dt_ns <= 0:
            raise CommandError(f"chunk {self.sequence}: dt is {self.dt_ns} ns; it must be positive")
        if self.targets.ndim != 2 or len(self.targets) == 0:
            raise CommandError(
                f"chunk {self.sequence}: targets have shape {self.targets.shape}, expected [horizon, entries]"
            )

    @property
    def end_ns(self) -> int:
        """The first time that no entry covers."""
        return self.stamp_ns + len(self.targets) * self.dt_ns
