"""Jerk-limited streaming of sparse or jumping targets at the controller's rate (ruckig, per axis)."""

from __future__ import annotations

from copy import copy
from functools import partial

import numpy as np
from numpy.typing import NDArray
from ruckig import (
    ControlInterface,
    InputParameter,
    OutputParameter,
    Result,
    Ruckig,
    RuckigError,
    Synchronization,
)

from sdm_core.commands.command_space import CommandSpace, is_rate

Vector = NDArray[np.float64]

# An axis no farther from where it was led is there (m, rad); rounding alone is less.
_SAME_PLACE = 1e-9
# What part of its greatest acceleration and jerk an axis may need to come to its target in one period.
_GENTLE = 0.05
# Differences of positions carry rounding: a limit is met within one part in a million, as the gate's are.
_TOLERANCE = 1e-6


class Smoother:
    """Follows poses, joint positions and rates within the contract's limits: without lag while the target keeps them,
    else along the time-optimal trajectory to it.

    Axes without a limit of their first and second derivative pass unchanged. This makes motion smooth; it is not what
    makes it safe: the gate after it checks every command on its own.
    """

    def __init__(self, space: CommandSpace, period: float) -> None:
        self._space = space
        self._period = period
        self._rate = is_rate(space.spec)
        limits = np.stack([space.max_velocity, space.max_acceleration, space.max_jerk])
        self._axes = np.flatnonzero(np.isfinite(limits[:2]).all(axis=0))
        self._limits = limits[:, self._axes]
        self._position: Vector | None = None
        self._target: Vector | None = None
        self._rest()
        self._ruckig = Ruckig(len(self._axes), period) if len(self._axes) else None

    def reset(self, position: Vector | None = None) -> None:
        """Stands still at `position` (float64[A]); None: wherever the first target is."""
        self._position = self._target = position
        self._rest()

    def _rest(self) -> None:
        self._velocity = np.zeros(len(self._axes))
        self._acceleration = np.zeros(len(self._axes))
        self._differences = self._velocity, self._acceleration  # backward ones, as the gate sees the motion

    def resume(self, position: Vector, velocity: Vector, acceleration: Vector) -> None:
        """Continues from a motion that something else took over: float64[A] and its backward differences float64[D]."""
        self._position, self._target = position, None
        self._differences = velocity[self._axes], acceleration[self._axes]
        # A backward difference is the velocity of half a period ago.
        self._velocity = (velocity + acceleration * (self._period / 2))[self._axes]
        self._acceleration = acceleration[self._axes]

    def correct(self, position: Vector, velocity: Vector, acceleration: Vector) -> None:
        """As `resume`, after a step that was changed on the way: axes that are where it led them go on as they do.

        What backward differences tell of their motion is a little off, and were it believed again and again, while
        another axis is held back by a bound, they would swing ever wider.
        """
        assert self._position is not None
        kept = np.abs(self._space.difference(self._position, position)[self._axes]) < _SAME_PLACE
        target, own_velocity, own_acceleration = self._target, self._velocity, self._acceleration
        self.resume(position, velocity, acceleration)
        self._target = target
        self._velocity[kept], self._acceleration[kept] = own_velocity[kept], own_acceleration[kept]

    def copy(self) -> Smoother:
        """A smoother in the same state, to look ahead with."""
        return copy(self)

    def step(self, target: Vector) -> Vector:
        """The command float64[A] of the next period on the way to `target`."""
        target = self._space.normalised(target)
        position = target if self._position is None else self._position
        step = self._space.difference(position, target)
        # Where there is no trajectory (a target that is not finite), the target passes as it is: the gate judges it.
        motion = self._plan(step[self._axes], target) if self._ruckig and np.isfinite(target).all() else None
        if motion:
            moved, self._velocity, self._acceleration = motion
            step[self._axes], velocity = moved, moved / self._period
            self._differences = velocity, (velocity - self._differences[0]) / self._period
        self._position, self._target = self._space.advance(position, step), target
        return self._position

    def _plan(self, step: Vector, target: Vector) -> tuple[Vector, Vector, Vector] | None:
        """Position (relative), velocity and acceleration after one period on the way to `step`; None: no trajectory."""
        if self._rate:
            return self._changed_rate(step)
        speed = self._target_velocity(target)
        velocity, acceleration, follows = self._followed(step, speed)
        # A backward difference is the velocity of half a period ago.
        direct = step, velocity + acceleration * (self._period / 2), acceleration
        if follows.all():
            return direct
        motion = self._approach(step, speed)
        if motion is None:
            return None
        position, velocity, acceleration = map(partial(np.where, follows), direct, motion)
        return position, velocity, acceleration

    def _followed(self, step: Vector, speed: Vector) -> tuple[Vector, Vector, NDArray[np.bool_]]:
        """Backward differences after the whole `step`, and which axes may make it.

        Those that are with the target go on with it within their limits. Others come to it only where that takes a
        small part of the limits, and where they can go on with a target that stays at its `speed`: else they would pass
        it, and swing about it. Were they to come as fast as the limits allow, every jump from chunk to chunk would be a
        jolt.
        """
        velocity = step / self._period
        acceleration, jerk = self._changes(velocity, *self._differences)
        steady, steadying = self._changes(speed, velocity, acceleration)
        with_it = np.zeros(len(self._axes), bool)
        if self._position is not None and self._target is not None:
            with_it = np.abs(self._space.difference(self._position, self._target)[self._axes]) < _SAME_PLACE
        comes = self._within_limits(speed, steady, np.maximum(np.abs(steadying), np.abs(steady) / self._period))
        comes &= self._within_limits(velocity, acceleration / _GENTLE, jerk / _GENTLE)
        return velocity, acceleration, self._within_limits(velocity, acceleration, jerk) & (with_it | comes)

    def _changes(self, velocity: Vector, before: Vector, acceleration: Vector) -> tuple[Vector, Vector]:
        """Acceleration and jerk, as backward differences."""
        change = (velocity - before) / self._period
        return change, (change - acceleration) / self._period

    def _within_limits(self, *differences: Vector) -> NDArray[np.bool_]:
        """Which axes may have these velocities, accelerations and jerks."""
        return np.all(np.abs(np.stack(differences)) <= self._limits * (1 + _TOLERANCE), axis=0)

    def _approach(self, step: Vector, speed: Vector) -> tuple[Vector, Vector, Vector] | None:
        """A target that moves is met at its own speed, but no axis backs off to take a run-up for that: it then makes
        for where the target is now."""
        motion = self._moved(step, speed)
        if motion and (backing := (motion[1] * speed < 0) & (step * speed >= 0)).any():
            motion = self._moved(step, np.where(backing, 0.0, speed))
        return motion

    def _moved(self, step: Vector, speed: Vector) -> tuple[Vector, Vector, Vector] | None:
        """One period of the motion by `step` that ends at `speed`."""
        velocity, acceleration, jerk = self._limits
        motion = InputParameter(len(self._axes))
        motion.current_position = [0.0] * len(self._axes)
        motion.current_velocity = np.clip(self._velocity, -velocity, velocity).tolist()
        motion.current_acceleration = np.clip(self._acceleration, -acceleration, acceleration).tolist()
        motion.target_position = step.tolist()
        motion.target_velocity = speed.tolist()
        motion.max_velocity, motion.max_acceleration = velocity.tolist(), acceleration.tolist()
        motion.max_jerk = jerk.tolist()
        result = self._updated(motion)
        if result is None:
            return None
        return np.array(result.new_position), np.array(result.new_velocity), np.array(result.new_acceleration)

    def _changed_rate(self, step: Vector) -> tuple[Vector, Vector, Vector] | None:
        """One period of a change by `step` of velocities: their derivatives are acceleration and jerk."""
        acceleration, jerk, _ = self._limits
        motion = InputParameter(len(self._axes))
        motion.control_interface = ControlInterface.Velocity
        motion.current_velocity = [0.0] * len(self._axes)
        motion.current_acceleration = np.clip(self._velocity, -acceleration, acceleration).tolist()
        motion.target_velocity = step.tolist()
        motion.max_acceleration, motion.max_jerk = acceleration.tolist(), jerk.tolist()
        result = self._updated(motion)
        if result is None:
            return None
        change = np.array(result.new_acceleration)
        return np.array(result.new_velocity), change, (change - self._velocity) / self._period

    def _updated(self, motion: InputParameter) -> OutputParameter | None:
        """What follows after one period; None where there is no trajectory."""
        assert self._ruckig is not None
        motion.synchronization = Synchronization.No
        result = OutputParameter(len(self._axes))
        try:
            outcome = self._ruckig.update(motion, result)
        except RuckigError:
            return None
        return result if outcome in (Result.Working, Result.Finished) else None

    def _target_velocity(self, target: Vector) -> Vector:
        """How fast the target itself moves, so that a moving one is tracked without lag; zero where it jumped."""
        if self._target is None:
            return np.zeros(len(self._axes))
        velocity = self._space.difference(self._target, target)[self._axes] / self._period
        return np.where(np.abs(velocity) <= self._limits[0], velocity, 0.0)
