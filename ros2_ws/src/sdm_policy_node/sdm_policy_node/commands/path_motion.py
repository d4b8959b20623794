"""A robot that is given whole paths, each to rest, and goes along the last one whether another follows or not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_gate import GateDecision
from sdm_core.commands.command_pipeline import CommandPipeline, PathRow
from sdm_core.commands.home_motion import HomeMotion
from sdm_core.commands.planned_path import PlannedPath
from sdm_core.contract import ActionSpec
from sdm_core.errors import CommandError

Vector = NDArray[np.float64]


class PathMotion:
    """See RobotMotion. What the robot is told in a period it reaches at that one's end.

    While a path is planned and sent, the robot goes on along the one before. So each begins with rows of that, for as
    long as planning takes, and leaves it only where the robot has not come yet: it meets every row at that row's time,
    whatever was late. Where planning took longer than that, it is planned anew, from farther ahead.
    """

    def __init__(
        self, pipeline: CommandPipeline, action: ActionSpec, period_s: float, *, simulated_clock: bool = False
    ) -> None:
        """`action` of joint positions. `simulated_clock`: the robot lives on the chunks' clock, which may be slow or
        stand, and not on the steady one."""
        self._pipeline = pipeline
        self._grippers = [index for index, entry in enumerate(action.entries) if entry.is_gripper]
        self._period_s, self._period_ns = period_s, round(period_s * 1e9)
        self._simulated = simulated_clock
        self._counts: Counter[str] = Counter()
        self._rows: list[PathRow] = []
        self._row = 0  # of this period; beyond the last one the robot stands there
        self._over = 0.0  # periods that have gone by since this one began; less than 0 where a timer was early
        self._told = np.zeros(len(self._grippers))
        self._now: float | None = None
        self._now_ns = 0
        self._pace = 1.0  # of the robot's clock
        self._reason = ""
        self._home: HomeMotion | None = None
        self._step = 0
        self._planned, self._planning_s = True, 0.0

    @property
    def place(self) -> Vector | None:
        """See RobotMotion; with the gripper as it was told."""
        return self._with_gripper(self._at(-1).decision) if self._rows else None

    @property
    def at_rest(self) -> bool:
        return self._row >= len(self._rows) - 1

    @property
    def counts(self) -> dict[str, int]:
        return dict(self._counts)

    def begin(self, start: Vector | None, now: float, now_ns: int) -> None:
        assert start is not None
        if (left := len(self._rows) - 1 - self._row) > 0:
            raise CommandError(
                f"the robot is on the path that it was given last, for {left * self._period_s:.2f} s more; wait until "
                "it stands"
            )
        self._pipeline.reset(start)
        self._told = start[self._grippers]
        self._rows, self._row = [PathRow(GateDecision(start, (), True), self._pipeline.copy())], 0
        self._now, self._over = None, 0.0
        self._reason, self._home, self._planned = "", None, False

    def add(self, chunk: ActionChunk) -> None:
        self._pipeline.add(chunk)
        self._planned = False

    def end(self) -> None:
        """The robot goes on along its path to that one's end."""
        self._pipeline.reset()
        self._home, self._planned = None, True

    def forget(self) -> None:
        self._rows = []

    def catch_up(self, now: float, now_ns: int) -> None:
        passed_s = now - self._now if self._now is not None else 0.0
        elapsed_s = passed_s
        if self._simulated:
            # Where the clock was set back, nobody knows how far the robot went on.
            elapsed_s = max(now_ns - self._now_ns, 0) * 1e-9 if self._now is not None else 0.0
            self._pace = elapsed_s / passed_s if passed_s > 0 else 1.0
        self._now, self._now_ns = now, now_ns
        self._over += elapsed_s / self._period_s
        rows = math.floor(self._over + 0.5)
        self._over -= rows
        moved = min(rows, max(len(self._rows) - 1 - self._row, 0))
        self._row += rows
        if self._home:
            self._home.go_on(moved)

    def next(self, reason: str, home: HomeMotion | None) -> GateDecision:
        turns = bool(reason) != bool(self._reason)
        if turns or (home and not reason and home.step != self._step):
            self._planned = False
        self._reason, self._home = reason, home
        decision = self._at(0).decision
        if reason:
            decision = GateDecision(self._with_gripper(decision), (reason,), True)
        assert decision.command is not None
        self._told = decision.command[self._grippers]
        self._counts.update(decision.interventions)
        return decision

    def withdraw_late(self, now: float) -> bool:
        """Never: of a path what is left of it is given."""
        return False

    def path(self, clock: Callable[[], float]) -> PlannedPath | None:
        if self._planned:
            return None
        # A stop is planned soon, and must not wait for longer than that.
        ahead = 1 if self._reason else math.ceil(max(self._periods(self._planning_s), 1))
        begin = clock()
        while True:
            rows = [self._at(row) for row in range(-1, ahead)] + self._ahead(ahead)
            end = clock()
            assert self._now is not None
            over = self._over + self._periods(end - self._now)
            if over <= ahead:
                break
            ahead = math.ceil(over + self._periods(end - begin))
            begin = end
        self._rows, self._row, self._planned = rows, 1, True
        self._planning_s = self._planning_s if self._reason else end - begin
        commands = np.array([row.decision.command for row in rows])
        first = math.floor(over + 0.5)
        return PlannedPath(commands[first], commands[first + 1 :], (first + 1 - over) * self._period_s, self._period_s)

    def _ahead(self, periods: int) -> list[PathRow]:
        """What is planned from so many periods after this one on, where the path of by now has led the robot."""
        self._pipeline.go_on_from(self._at(periods - 1))
        if self._row + periods - 1 >= len(self._rows):
            self._pipeline.settle()
        time_ns = self._now_ns + round((periods - self._over) * self._period_ns)
        if self._reason:
            self._pipeline.forget_chunks()
        elif self._home:
            self._pipeline.add(self._home.chunk(time_ns, periods))
            self._step = self._home.step
        return self._pipeline.path(time_ns)

    def _periods(self, seconds: float) -> float:
        """How many of the robot's go by in so many seconds of the steady clock."""
        return self._pace * seconds / self._period_s

    def _at(self, row: int) -> PathRow:
        """The row so many periods after this one's."""
        return self._rows[min(max(self._row + row, 0), len(self._rows) - 1)]

    def _with_gripper(self, decision: GateDecision) -> Vector:
        assert decision.command is not None
        command = decision.command.copy()
        command[self._grippers] = self._told
        return command
