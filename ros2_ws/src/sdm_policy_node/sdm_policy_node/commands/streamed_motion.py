"""A robot that is told one command a period, and stays there, or goes on at a rate, where none follows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_gate import GateDecision
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.home_motion import HomeMotion
from sdm_core.commands.planned_path import PlannedPath

Vector = NDArray[np.float64]

# After so many periods, and so many seconds, without a command the robot stands at the last one: none stops sooner.
_GAP_PERIODS = 3
_SETTLES_S = 0.1


class StreamedMotion:
    """See RobotMotion. After a gap in its commands, as of a process that was stopped, motion begins at rest at the last
    one, but for a rate, which goes on as it was. What is late again and again is slow motion, and no gap."""

    def __init__(
        self, pipeline: CommandPipeline, period_s: float, *, stays: bool, simulated_clock: bool = False
    ) -> None:
        """`stays`: the robot stands at its last command, as at a pose, and can be told it once more. `simulated_clock`:
        it lives on the chunks' clock, which may be slow or stand, and not on the steady one."""
        self._pipeline = pipeline
        self._period_s, self._stays, self._simulated = period_s, stays, simulated_clock
        self.place: Vector | None = None
        self._before: Vector | None = None
        self._now, self._now_ns = 0.0, 0
        self._gaps_s = (0.0, 0.0)  # before the last two commands
        self._settled = False

    @property
    def at_rest(self) -> bool:
        return self._pipeline.at_rest

    @property
    def counts(self) -> dict[str, int]:
        return self._pipeline.counts

    def begin(self, start: Vector | None, now: float, now_ns: int) -> None:
        start = self.place if start is None else start
        self._pipeline.reset(start)
        self.place = start
        self._now, self._now_ns, self._gaps_s = now, now_ns, (0.0, 0.0)

    def add(self, chunk: ActionChunk) -> None:
        self._pipeline.add(chunk)

    def end(self) -> None:
        self._pipeline.reset()

    def forget(self) -> None:
        self.place = self._before = None

    def catch_up(self, now: float, now_ns: int) -> None:
        gap_s, elapsed_s = now - self._now, (now_ns - self._now_ns) * 1e-9
        self._now, self._now_ns = now, now_ns
        if self._simulated and elapsed_s >= 0:  # else the clock was set back, and tells nothing
            gap_s = min(gap_s, elapsed_s)  # while a simulation is slow or stands, so is its robot and does
        usual_s, self._gaps_s = max(self._period_s, min(self._gaps_s)), (self._gaps_s[1], gap_s)
        self._settled = gap_s >= max(_GAP_PERIODS * usual_s, _SETTLES_S)
        if self._settled:
            self._pipeline.settle()

    def next(self, reason: str, home: HomeMotion | None) -> GateDecision:
        if home and not reason:
            if self._settled and self.place is not None:
                home.begin(self.place)
            self._pipeline.forget_chunks()  # of which an ensemble would make a mean
            self._pipeline.add(home.chunk(self._now_ns, rows=2))
            home.go_on()
        decision = self._pipeline.hold(reason) if reason else self._pipeline.tick(self._now_ns)
        if decision.command is not None:
            self._before, self.place = self.place, decision.command
        return decision

    def withdraw_late(self, now: float) -> bool:
        """The robot stands at the command before, where motion begins anew. A rate is given all the same."""
        if now - self._now < _SETTLES_S or not self._stays or self._before is None:
            return False
        self._pipeline.reset(self._before)
        self.place = self._before
        return True

    def path(self, clock: Callable[[], float]) -> PlannedPath | None:
        return None
