"""How a robot is led: what it is told, and where that has led it by now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_gate import GateDecision
from sdm_core.commands.home_motion import HomeMotion
from sdm_core.commands.planned_path import PlannedPath


class RobotMotion(Protocol):
    """Brings chunks, holds and the way home through one CommandPipeline.

    Each period: `catch_up`, then `next`, then what `path` gives, if it gives one. Times `now` are seconds of a steady
    clock, `now_ns` of the chunks' clock.
    """

    @property
    def place(self) -> NDArray[np.float64] | None:
        """Where the robot has been led by now, as a command float64[A]; None before the first."""
        ...

    @property
    def at_rest(self) -> bool:
        """Whether it stands there."""
        ...

    @property
    def counts(self) -> dict[str, int]:
        """How often the gate intervened, by kind."""
        ...

    def begin(self, start: NDArray[np.float64] | None, now: float, now_ns: int) -> None:
        """From rest, at `start` (float64[A]), or at a rate's last command. Raises CommandError where the robot is not
        at rest yet."""
        ...

    def add(self, chunk: ActionChunk) -> None:
        """Leads along a chunk from now on. Raises CommandError, and takes nothing, where it cannot be used."""
        ...

    def end(self) -> None:
        """Leads no more."""
        ...

    def forget(self) -> None:
        """The world was set back: it knows of no command."""
        ...

    def catch_up(self, now: float, now_ns: int) -> None:
        """Sees how time has gone by, however long since the last period."""
        ...

    def next(self, reason: str, home: HomeMotion | None) -> GateDecision:
        """The decision of the period that was caught up with: a hold for this reason, if there is one, else along the
        way home, if there is one, or the chunks."""
        ...

    def withdraw_late(self, now: float) -> bool:
        """Takes the last decision back where it is too old by `now` to be given, and says whether it did."""
        ...

    def path(self, clock: Callable[[], float]) -> PlannedPath | None:
        """What the robot must be given at once, by the steady `clock` (s); None where it needs no path."""
        ...
