"""The last check before a robot: whatever comes in, what goes out is finite and within bounds and motion limits."""

from __future__ import annotations

from collections import Counter
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdm_core.commands.braking import AxisLimits, Stop, brake, stop
from sdm_core.commands.command_space import CommandSpace, held_command, is_motion, is_rate
from sdm_core.contract import ActionSpec
from sdm_core.errors import CommandError

Vector = NDArray[np.float64]

# Rounding may carry a stop this far past a bound that it ends on; what goes out is clipped to the bound.
_BOUND_SLACK = 1e-12
# Differences of published positions carry rounding of about 1e-16 / dt³; a limit is met within one part in a million.
_TOLERANCE = 1e-6
_BISECTIONS = 14
# A rate this near its hold is at it (unit/s): nanometres.
_STANDING = 1e-9


@dataclass(frozen=True, eq=False)
class GateDecision:
    """What to send now (float64[A], None: nothing is known to be safe yet), and every change that the gate made.

    `held`: the command keeps the robot where it is, or brakes it, because no usable command came.
    """

    command: Vector | None
    interventions: tuple[str, ...]
    held: bool


class CommandGate:
    """Finite, in bounds, within velocity, acceleration and jerk, young enough: else changed or held, and counted.

    Native commands are clipped to their bounds; a hold is the contract's hold command. For all other kinds the gate
    keeps one invariant: from the last command there is a stop within all limits that stays inside the bounds. A command
    is passed only where that remains true after it; else each offending axis goes as far towards it as it may, and the
    stop itself is the way out that always exists. A hold is that stop; of rates, which move a robot for as long as they
    stand, it leads on to the contract's hold command, as far in each period as the limits allow. Not a certified safety
    function.
    """

    def __init__(self, action: ActionSpec, period: float, max_age_ns: int) -> None:
        """`period` (s): time between two commands; `max_age_ns`: greatest age of the observation behind a command."""
        if action.kind == "ee_delta":
            raise CommandError(
                "the gate checks absolute targets; give it the contract of anchored chunks (anchor.absolute)"
            )
        self._motion = is_motion(action)
        self._rate = is_rate(action)
        self._limited_motion = self._motion or self._rate
        self._max_age_ns = max_age_ns
        self._period = period
        self.counts: Counter[str] = Counter()
        self._last: Vector | None = None
        self.confine(action)

    def confine(self, action: ActionSpec) -> None:
        """Begins anew, as `reset` does, within the bounds and limits of `action`: of the same entries and kind."""
        self._space = CommandSpace(action)
        self._limits = [
            AxisLimits(*values, dt=self._period)
            for values in zip(
                self._space.max_velocity.tolist(),
                self._space.max_acceleration.tolist(),
                self._space.max_jerk.tolist(),
                strict=True,
            )
        ]
        self._axis_low, self._axis_high = self._space.axis_bounds()
        self.reset()

    def reset(self, position: Vector | None = None) -> None:
        """Begins anew, at rest; pose and joint kinds need the robot's position (float64[A]) before they pass anything.

        Of other kinds `position` is the last command: entries without a hold of their own, such as a gripper's, stay as
        it has them. Counts stay: they belong to the process.
        """
        self.settle()
        self._last = None
        if position is not None:
            position = np.asarray(position, np.float64)
            self._last = self._start(position) if self._motion else held_command(self._space.spec, position)
        elif self._rate:
            self._last = self._at_hold()

    def settle(self) -> None:
        """The robot has come to rest at the last command, as nothing has followed it; a rate goes on as it was."""
        self._velocity = np.zeros(self._space.dim)
        self._acceleration = np.zeros(self._space.dim)

    def copy(self) -> CommandGate:
        """A gate in the same state, to look ahead with; it counts for itself."""
        other = copy(self)
        other.counts = Counter()
        return other

    def resume(self, position: Vector, velocity: Vector, acceleration: Vector) -> None:
        """Goes on from a `motion` of this action."""
        self._last, self._velocity, self._acceleration = position, velocity, acceleration

    def _start(self, position: Vector) -> Vector:
        start, entries = self._space.normalised(position), self._space.spec.entries
        for index in np.flatnonzero(~np.isfinite(start)):
            raise CommandError(
                f"the robot's {entries[index].name} = {position[index]} is not finite or of a quaternion without "
                "direction; check the driver"
            )
        for index in self._space.outside(start):
            entry = entries[index]
            raise CommandError(
                f"the robot's {entry.name} = {start[index]:.4f} {entry.unit} is outside [{entry.low}, {entry.high}]; "
                "bring it inside by hand"
            )
        return start

    @property
    def motion(self) -> tuple[Vector, Vector, Vector] | None:
        """The last command float64[A], its first and second derivative float64[D]; None before a start, or native."""
        if self._last is None or not self._limited_motion:
            return None
        return self._last, self._velocity, self._acceleration

    @property
    def at_rest(self) -> bool:
        """Whether the robot stands: a further hold would change nothing."""
        if self._last is None:
            return True
        if self._motion:
            return not self._velocity.any()
        return bool((self._last == held_command(self._space.spec, self._last)).all())

    def check(self, command: Vector | None, age_ns: int | None) -> GateDecision:
        """Call once a period. `age_ns` is the age of the observation behind `command`; None with a command of None."""
        refusal = self._refusal(command, age_ns)
        if command is None or refusal:
            return self.hold(refusal or "no_target")
        if not self._limited_motion:
            return self._counted(self._clipped(command))
        if self._last is None:
            return self.hold("no_start")
        return self._counted(self._limited(self._last, command))

    def hold(self, reason: str) -> GateDecision:
        """In place of `check`: keep the robot where it is, braking first where it moves."""
        if not self._limited_motion:
            return self._counted(self._held_command(reason))
        if self._last is None:
            return self._counted(GateDecision(None, (reason,), True))
        if self._rate:
            return self._counted(self._ebbed(self._last, reason))
        return self._counted(self._braked(self._last, reason))

    def _counted(self, decision: GateDecision) -> GateDecision:
        self.counts.update(decision.interventions)
        return decision

    def _refusal(self, command: Vector | None, age_ns: int | None) -> str | None:
        if command is None or age_ns is None:
            return "no_target"
        if age_ns > self._max_age_ns:
            return "age"
        if command.shape != self._space.low.shape:
            return "wrong_size"
        if not np.isfinite(command).all():
            return "not_finite"
        return None

    def _clipped(self, command: Vector) -> GateDecision:
        if not self._space.outside(command).size:
            self._last = command.copy()
            return GateDecision(command, (), False)
        self._last = self._space.clipped(command)
        return GateDecision(self._last, ("bounds",), False)

    def _held_command(self, refusal: str) -> GateDecision:
        """The contract's hold; remembered, so that the robot counts as standing."""
        self._last = self._at_hold()
        return GateDecision(self._last, (refusal,), True)

    def _at_hold(self) -> Vector:
        """The contract's hold; entries that keep their last value stay at rest (0) before the first command."""
        last = self._space.clipped(np.zeros(len(self._space.low)))
        return held_command(self._space.spec, last if self._last is None else self._last)

    def _ebbed(self, last: Vector, refusal: str) -> GateDecision:
        """A rate's next step to its hold without swinging over, and that exactly where rounding alone is left."""
        wanted = held_command(self._space.spec, last)
        step = self._space.difference(last, wanted)
        position = self._space.axis_positions(last)
        accelerations = [
            self._towards(axis, float(position[axis]), float(step[axis]), limits)
            for axis, limits in enumerate(self._limits)
        ]
        command = self._move(last, np.array(accelerations))
        if np.allclose(command, wanted, rtol=0.0, atol=_STANDING):
            self._last = wanted
        return GateDecision(self._last, (refusal,), True)

    def _braked(self, last: Vector, refusal: str) -> GateDecision:
        accelerations = [
            brake(*state)
            for state in zip(self._velocity.tolist(), self._acceleration.tolist(), self._limits, strict=True)
        ]
        return GateDecision(self._move(last, np.array(accelerations)), (refusal,), True)

    def _limited(self, last: Vector, command: Vector) -> GateDecision:
        wanted = self._space.normalised(self._space.clipped(command))
        if not np.isfinite(wanted).all():
            return self._braked(last, "not_finite")
        interventions = set()
        if self._space.outside(command).size:
            interventions.add("bounds")
        step = self._space.difference(last, wanted)
        velocity = step / self._period
        acceleration = (velocity - self._velocity) / self._period
        jerk = (acceleration - self._acceleration) / self._period
        position = self._space.axis_positions(last)
        allowed = acceleration.copy()
        for axis, limits in enumerate(self._limits):
            reason = self._offence(axis, position[axis], velocity[axis], acceleration[axis], jerk[axis], limits)
            if reason:
                interventions.add(reason)
                allowed[axis] = self._towards(axis, float(position[axis]), float(step[axis]), limits)
        if not interventions:
            self._last, self._velocity, self._acceleration = wanted, velocity, acceleration
            return GateDecision(wanted, (), False)
        return GateDecision(self._move(last, allowed), tuple(sorted(interventions)), False)

    def _offence(
        self, axis: int, position: float, velocity: float, acceleration: float, jerk: float, limits: AxisLimits
    ) -> str | None:
        """The limit that this step of an axis breaks, now or in the stop that it would need afterwards."""
        if abs(velocity) > limits.velocity * (1 + _TOLERANCE):
            return "velocity"
        if abs(acceleration) > limits.acceleration * (1 + _TOLERANCE):
            return "acceleration"
        if abs(jerk) > limits.jerk * (1 + _TOLERANCE):
            return "jerk"
        path = stop(float(velocity), float(acceleration), limits)
        return None if self._stays_inside(axis, position + velocity * self._period, path) else "stopping_distance"

    def _stays_inside(self, axis: int, position: float, path: Stop) -> bool:
        """Whether a stop that begins at `position` keeps within the axis's bounds and speed."""
        limits = self._limits[axis]
        return (
            path.peak_speed <= limits.velocity * (1 + _TOLERANCE)
            and position + path.low >= self._axis_low[axis] - _BOUND_SLACK
            and position + path.high <= self._axis_high[axis] + _BOUND_SLACK
        )

    def _towards(self, axis: int, position: float, step: float, limits: AxisLimits) -> float:
        """The acceleration that leads an axis furthest towards `position + step` with a stop that does not pass it."""
        velocity, acceleration = float(self._velocity[axis]), float(self._acceleration[axis])

        def leads_safely(candidate: float) -> bool:
            next_velocity = velocity + candidate * limits.dt
            moved = next_velocity * limits.dt
            path = stop(next_velocity, candidate, limits)
            passes = moved + path.high > step if forward else moved + path.low < step
            return not passes and self._stays_inside(axis, position + moved, path)

        braking = brake(velocity, acceleration, limits)
        next_velocity = velocity + braking * limits.dt
        forward = next_velocity * limits.dt + stop(next_velocity, braking, limits).end < step
        least, greatest = limits.window(acceleration)
        # Without limits one period reaches the target at the latest with this acceleration.
        reach = (step / limits.dt - velocity) / limits.dt
        eager = min(greatest, max(reach, braking)) if forward else max(least, min(reach, braking))
        if leads_safely(eager):
            return eager
        safe = braking
        for _ in range(_BISECTIONS):
            middle = (safe + eager) / 2
            if leads_safely(middle):
                safe = middle
            else:
                eager = middle
        return safe

    def _move(self, last: Vector, acceleration: Vector) -> Vector:
        """Takes the step of one period with these accelerations of the axes."""
        velocity = self._velocity + acceleration * self._period
        at_rest = (np.abs(velocity) < 1e-12) & (np.abs(acceleration) <= self._space.max_jerk * self._period)
        self._velocity = np.where(at_rest, 0.0, velocity)
        self._acceleration = acceleration
        moved = self._space.advance(last, self._velocity * self._period)
        self._last = self._space.clipped(moved)
        return self._last
