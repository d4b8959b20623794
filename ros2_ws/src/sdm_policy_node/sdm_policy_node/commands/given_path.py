"""The path that a robot was given last, along which it goes whether commands follow or not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sdm_core.commands.command_pipeline import CommandPipeline


class GivenPath:
    """Tells where such a robot is by now, and how fast it moves there, whatever has been decided meanwhile.

    What a pipeline plans is what it would give if no chunk came any more: so a copy of it, given none, goes along.
    """

    def __init__(self, pipeline: CommandPipeline, command: NDArray[np.float64], begin_ns: int, period_ns: int) -> None:
        """`pipeline` as it is after the path's first `command` (float64[A]), that of `begin_ns` (chunks' clock)."""
        self.motion = pipeline.copy()
        """Where the robot is by now and how fast, for `CommandPipeline.move_as`."""
        self.command = command
        """What it is told there."""
        self._time_ns, self._period_ns = begin_ns, period_ns
        self._ended = False

    def go_on(self, periods: int) -> int:
        """So many periods go by; gives in how many of them the robot moved, before the path's end."""
        for moved in range(periods):
            if self._ended:
                self.motion.settle()
                return moved
            self._time_ns += self._period_ns
            decision = self.motion.tick(self._time_ns)
            if decision.command is not None:
                self.command = decision.command
            self._ended = decision.held and self.motion.at_rest
        return periods
