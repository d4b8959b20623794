"""What a policy in the shadows would have done, against what the robot did meanwhile."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_space import CommandSpace
from sdm_core.contract import Contract

Vector = NDArray[np.float64]

# As many chunk ends as these are remembered, and waited for: an hour's, and a chunk's many times over.
_REMEMBERED, _PENDING = 36_000, 1000


@dataclass(frozen=True)
class ErrorStatistics:
    """Over the chunk ends of late: mean, 95 % quantile and greatest."""

    mean: float
    p95: float
    greatest: float

    @classmethod
    def of(cls, errors: deque[float]) -> ErrorStatistics:
        values = np.array(errors)
        return cls(float(values.mean()), float(np.quantile(values, 0.95)), float(values.max()))


class ShadowScore:
    """Compares where each chunk ends with where the robot is measured to be at that time.

    The robot is led by somebody else: the error says how far the policy would have been off after a chunk, not what it
    would have done at the end of an episode. Grippers are not compared.
    """

    def __init__(self, contract: Contract) -> None:
        """`contract` of absolute pose or joint targets."""
        entries = contract.action.entries
        self._space = CommandSpace(contract.action)
        self._counted = [axis for axis, index in enumerate(self._space.linear) if not entries[index].is_gripper]
        self._tolerance_ns = contract.dt_ns
        self._ends: deque[tuple[int, Vector]] = deque(maxlen=_PENDING)
        self._positions: deque[float] = deque(maxlen=_REMEMBERED)
        self._turns: deque[float] = deque(maxlen=_REMEMBERED)

    def add(self, chunk: ActionChunk) -> None:
        """A chunk that would have been followed."""
        self._ends.append((chunk.end_ns - chunk.dt_ns, chunk.targets[-1]))

    def observe(self, stamp_ns: int, position: Vector) -> None:
        """Where the robot stands [A]. The first such within a control period after a chunk's end counts for it."""
        while self._ends and self._ends[0][0] <= stamp_ns:
            end_ns, target = self._ends.popleft()
            if stamp_ns - end_ns <= self._tolerance_ns:
                self._compare(target, position)

    def _compare(self, target: Vector, position: Vector) -> None:
        step = self._space.difference(self._space.normalised(target), self._space.normalised(position))
        self._positions.append(float(np.linalg.norm(step[self._counted])))
        if self._space.rotation:
            self._turns.append(float(np.linalg.norm(step[-3:])))

    @property
    def chunks(self) -> int:
        """Chunk ends compared."""
        return len(self._positions)

    @property
    def position(self) -> ErrorStatistics | None:
        """Distance of the positions (m; of joints rad); None before the first chunk's end."""
        return ErrorStatistics.of(self._positions) if self._positions else None

    @property
    def rotation(self) -> ErrorStatistics | None:
        """Angle between the rotations (rad); None where there are none."""
        return ErrorStatistics.of(self._turns) if self._turns else None

    def summary(self) -> str:
        """One line."""
        lines = [
            f"{what} error mean {errors.mean:.4f}, 95 % {errors.p95:.4f}, greatest {errors.greatest:.4f}{unit}"
            for what, errors, unit in (("position", self.position, ""), ("rotation", self.rotation, " rad"))
            if errors
        ]
        return f"{self.chunks} chunk ends: {'; '.join(lines)}" if lines else "no chunk has ended"
