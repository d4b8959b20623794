"""What an episode on the graph came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# A step of the world is late from so long (s) after it was due.
LATE_S = 0.001


@dataclass(frozen=True, eq=False)
class Outcome:
    """One episode. `misses` are steps that had no command of their own and were held."""

    seed: int
    success: bool
    actions: NDArray[np.float64]
    """What the task was stepped with, float64[steps · parts, A]."""
    misses: int
    refused: int
    """Commands of wrong size, frame or value."""
    late_commands: int
    """Commands that a newer one overtook before their step."""
    late_steps: int
    """Steps that the world took more than LATE_S after they were due."""
    dropped_images: int
    wall_s: float
    """Without the time that the world stood still."""
    pushes: int = 0
    """How often somebody pushed its things."""
    abandoned: bool = False
    """Whether somebody ended it before its outcome was decided."""
    parts: int = 1
    """How many actions a control step consists of."""

    @property
    def steps(self) -> int:
        """Control steps."""
        return len(self.actions) // self.parts

    @property
    def rate_hz(self) -> float:
        """Control steps a second of wall time."""
        return self.steps / self.wall_s if self.wall_s > 0 else 0.0


@dataclass
class Progress:
    """Where a run stands; one writer, the simulation's thread."""

    of: int
    """Episodes of the run; 0: without end."""
    episode: int = 0
    seed: int = 0
    step: int = 0
    successes: int = 0
    abandoned: int = 0
    """Episodes that somebody ended: they are not among the run's."""
    rate: float = 0.0
    """Control steps a second of wall time."""


class World(Protocol):
    """How a task's episodes run on the graph."""

    def run(self, seed: int, base_ns: int, progress: Progress) -> Outcome:
        """Runs the episode that `task.reset` began; its time begins at `base_ns`."""
        ...
