"""A robot that is given whole paths, each to rest, and goes along the last one whether another follows or not."""

from __future__ import annotations

import math
from collections import Counter, deque
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

# So many periods tell how fast a simulation goes: the messages of its clock come in bursts. Where it has stood for
# longer, or jumps, nothing is learnt.
_PACE_PERIODS = 20
_JUMP_S = 1.0


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
        self._passed: deque[tuple[float, float]] = deque(maxlen=_PACE_PERIODS)  # s by the robot's clock and the steady
        self._stood_s = 0.0  # by the steady clock, since the robot's was last seen to go on
        self._reason = ""
        self._home: HomeMotion | None = None
        self._step, self._way = 0, 0  # of home: the one that is planned, and its first row
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
        self._now, self._over, self._stood_s = None, 0.0, 0.0
        self._reason, self._home, self._planned = "", None, False

    def add(self, chunk: ActionChunk) -> None:
        self._pipeline.add(chunk)
        if not self._reason:
            self._planned = False

    def end(self) -> None:
        """The robot goes on along its path to that one's end."""
        self._pipeline.reset()
        self._home, self._planned = None, True

    def forget(self) -> None:
        self._rows = []

    def catch_up(self, now: float, now_ns: int) -> None:
        if self._now is not None:
            passed_s, elapsed_s = now - self._now, (now_ns - self._now_ns) * 1e-9
            self._note_pace(passed_s, elapsed_s)
            # Where its clock was set back, nobody knows how far the robot went on.
            self._over += (max(elapsed_s, 0.0) if self._simulated else passed_s) / self._period_s
        self._now, self._now_ns = now, now_ns
        rows = math.floor(self._over + 0.5)
        self._over -= rows
        if self._home:
            self._home.go_on(self._led(rows))
        self._row += rows

    def _note_pace(self, passed_s: float, elapsed_s: float) -> None:
        self._stood_s += passed_s
        if elapsed_s == 0:
            return
        if 0 < elapsed_s < _JUMP_S and 0 < self._stood_s < _PACE_PERIODS * self._period_s:
            self._passed.append((elapsed_s, self._stood_s))
        self._stood_s = 0.0

    def next(self, reason: str, home: HomeMotion | None) -> GateDecision:
        turns = bool(reason) != bool(self._reason)
        if turns or (home and not reason and home.step != self._step):
            self._planned = False
        self._reason, self._home = reason, home
        if reason:
            self._pipeline.forget_chunks()
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
        # A stop is planned soon, and must not wait for longer than that; nor for a moment in which there was no time.
        begin, spare = clock(), max(1, math.ceil(self._periods(self._planning_s)))
        ahead = 1 if self._reason else spare
        while True:
            rows = [self._at(row) for row in range(-1, ahead)] + self._ahead(ahead)
            end = clock()
            assert self._now is not None
            over = self._over + self._periods(end - self._now)
            if over <= ahead:
                break
            ahead, spare, begin = math.ceil(over) + spare, 2 * spare, end
        self._way = 1 + ahead if self._stands_after(ahead) else self._way - self._row + 1
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
        if self._home and not self._reason:
            if self._stands_after(periods):
                self._home.begin(self._with_gripper(self._at(periods - 1).decision))
            self._pipeline.forget_chunks()  # of which an ensemble would make a mean
            self._pipeline.add(self._home.chunk(time_ns, self._led(periods)))
            self._step = self._home.step
        return self._pipeline.path(time_ns)

    def _periods(self, seconds: float) -> float:
        """How many of the robot's go by in so many seconds of the steady clock."""
        elapsed_s, passed_s = np.sum(self._passed, axis=0) if self._simulated and self._passed else (1.0, 1.0)
        return float(seconds * elapsed_s / passed_s / self._period_s)

    def _led(self, periods: int) -> int:
        """In how many of the next ones the robot is on its way home, and does not stand."""
        return max(min(self._row + periods, len(self._rows) - 1) - max(self._row, self._way), 0)

    def _stands_after(self, periods: int) -> bool:
        return self._row + periods >= len(self._rows)

    def _at(self, row: int) -> PathRow:
        """The row so many periods after this one's."""
        return self._rows[min(max(self._row + row, 0), len(self._rows) - 1)]

    def _with_gripper(self, decision: GateDecision) -> Vector:
        assert decision.command is not None
        command = decision.command.copy()
        command[self._grippers] = self._told
        return command
