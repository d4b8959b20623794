"""Where the robot is measured to stand, in the terms of its commands, and whether that can be true."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sdm_core.commands.anchor import MeasuredPose, absolute
from sdm_core.commands.command_space import CommandSpace
from sdm_core.contract import Contract
from sdm_core.errors import CommandError, ObservationError
from sdm_core.stream_guard import RESTART_NS

Vector = NDArray[np.float64]


class MeasuredPosition:
    """Keeps the newest plausible state. Stamps are judged on the clock of the messages, silence on a steady one.

    Speeds and distances are the arm's: a gripper, which stops at what it holds, is not where it is commanded to be.
    """

    def __init__(self, contract: Contract, timeout_s: float, max_speed: float) -> None:
        """`contract` as recorded; `max_speed`: a jump that would need more (m/s, rad/s) is refused; 0: none is."""
        self._pose = MeasuredPose(contract)
        action = absolute(contract).action
        self._space = CommandSpace(action)
        self._arm = [axis for axis, index in enumerate(self._space.linear) if not action.entries[index].is_gripper]
        self._future_ns = contract.dt_ns
        self.timeout_s = timeout_s
        self._max_speed = max_speed
        self._heard = -np.inf
        self.forget()

    def forget(self) -> None:
        """The next state may be anywhere. When the last one came stays known: a robot that is silent stays so."""
        self._stamp_ns: int | None = None
        self._state: Vector | None = None

    def observe(self, stamp_ns: int, state: Vector, now: float) -> None:
        """A state [S] has come. Raises ObservationError, and keeps the last one, where it cannot be true.

        `now`: seconds of a steady clock.
        """
        if self._stamp_ns is not None and self._state is not None:
            elapsed_ns = stamp_ns - self._stamp_ns
            if -RESTART_NS <= elapsed_ns <= 0:
                raise ObservationError(
                    f"its stamp lies {-elapsed_ns / 1e6:.1f} ms before the last one's; check the driver's clock"
                )
            if elapsed_ns > 0:
                self._refuse_jump(state, self._state, elapsed_ns * 1e-9)
        self._stamp_ns, self._state, self._heard = stamp_ns, state, now

    def _refuse_jump(self, state: Vector, last: Vector, elapsed_s: float) -> None:
        speed = max(self._distance(self._pose.of(last), self._pose.of(state))) / elapsed_s
        if self._max_speed and speed > self._max_speed:
            raise ObservationError(
                f"the robot would have moved at {speed:.1f} m/s or rad/s, more than {self._max_speed:g}; "
                "check the driver"
            )

    def age(self, now: float) -> float:
        """Seconds since the last plausible state; infinite before the first."""
        return now - self._heard

    def silent(self, now: float) -> bool:
        """Whether no plausible state has come for longer than the time-out."""
        return self.age(now) > self.timeout_s

    def at(self, now_ns: int, last: Vector | None) -> Vector:
        """float64[A], with the gripper as in `last`. Raises CommandError where the position is unknown."""
        if self._stamp_ns is None or self._state is None:
            raise CommandError("the robot's position is unknown; joint_states and current_pose must be published")
        age_ns = now_ns - self._stamp_ns
        if -age_ns > self._future_ns:
            raise CommandError(
                f"the robot's position lies {-age_ns / 1e6:.0f} ms in the future; synchronise the clocks"
            )
        if age_ns > self.timeout_s * 1e9:
            raise CommandError(
                f"the robot's position is unknown: the last one is {age_ns / 1e6:.0f} ms old; joint_states and "
                "current_pose must be published"
            )
        return self._pose.of(self._state, last)

    @property
    def newest(self) -> Vector | None:
        """float64[A] of the last plausible state, whatever its age; None before the first."""
        return None if self._state is None else self._pose.of(self._state)

    def distance(self, command: Vector) -> tuple[float, float]:
        """How far from `command` [A] the robot stands: the linear axes' greatest (m, or rad of a joint), and the turn
        (rad). Zero before the first state."""
        if self._state is None:
            return 0.0, 0.0
        return self._distance(self._pose.of(self._state, command), command)

    def _distance(self, start: Vector, end: Vector) -> tuple[float, float]:
        step = self._space.difference(start, end)
        turn = float(np.linalg.norm(step[-3:])) if self._space.rotation else 0.0
        return float(np.abs(step[self._arm]).max(initial=0.0)), turn
