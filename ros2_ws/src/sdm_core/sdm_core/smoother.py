"""Jerk-limited streaming of sparse or jumping targets at the controller's rate (ruckig, per axis)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from ruckig import InputParameter, OutputParameter, Result, Ruckig, Synchronization

from sdm_core.command_space import CommandSpace

Vector = NDArray[np.float64]


class Smoother:
    """Follows targets of pose and joint kinds along time-optimal trajectories within the contract's limits.

    Axes for which the contract names no velocity, acceleration and jerk pass unchanged. This makes motion smooth; it is
    not what makes it safe: the gate after it checks every command on its own.
    """

    def __init__(self, space: CommandSpace, period: float) -> None:
        self._space = space
        self._period = period
        limits = np.stack([space.max_velocity, space.max_acceleration, space.max_jerk])
        self._axes = np.flatnonzero(np.isfinite(limits).all(axis=0))
        self._limits = limits[:, self._axes]
        self._position: Vector | None = None
        self._target: Vector | None = None
        self._velocity = np.zeros(len(self._axes))
        self._acceleration = np.zeros(len(self._axes))
        self._ruckig = Ruckig(len(self._axes), period) if len(self._axes) else None

    def reset(self, position: Vector | None = None) -> None:
        """Stands still at `position` (float64[A]); None: wherever the first target is."""
        self._position = self._target = position
        self._velocity = np.zeros(len(self._axes))
        self._acceleration = np.zeros(len(self._axes))

    def resume(self, position: Vector, velocity: Vector, acceleration: Vector) -> None:
        """Continues from a motion that something else took over: float64[A] and its backward differences float64[D]."""
        self._position, self._target = position, None
        # A backward difference is the velocity of half a period ago.
        self._velocity = (velocity + acceleration * (self._period / 2))[self._axes]
        self._acceleration = acceleration[self._axes]

    def step(self, target: Vector) -> Vector:
        """The command float64[A] of the next period on the way to `target`."""
        if self._position is None:
            self.reset(target)
        step = self._space.difference(self._position, target)
        if self._ruckig is not None and np.isfinite(target).all():
            result = OutputParameter(len(self._axes))
            if self._ruckig.update(self._plan(step[self._axes], target), result) in (Result.Working, Result.Finished):
                step[self._axes] = result.new_position
                self._velocity = np.array(result.new_velocity)
                self._acceleration = np.array(result.new_acceleration)
        # Where there is no trajectory (a target that is not finite), the target passes as it is: the gate judges it.
        self._position, self._target = self._space.advance(self._position, step), target
        return self._position

    def _plan(self, step: Vector, target: Vector) -> InputParameter:
        """The motion to `step` in the tangent space around the present position."""
        velocity, acceleration, jerk = self._limits
        motion = InputParameter(len(self._axes))
        motion.synchronization = Synchronization.No
        motion.current_position = [0.0] * len(self._axes)
        motion.current_velocity = np.clip(self._velocity, -velocity, velocity).tolist()
        motion.current_acceleration = np.clip(self._acceleration, -acceleration, acceleration).tolist()
        motion.target_position = step.tolist()
        motion.target_velocity = self._target_velocity(target).tolist()
        motion.max_velocity, motion.max_acceleration, motion.max_jerk = (
            velocity.tolist(),
            acceleration.tolist(),
            jerk.tolist(),
        )
        return motion

    def _target_velocity(self, target: Vector) -> Vector:
        """How fast the target itself moves, so that a moving one is tracked without lag; zero where it jumped."""
        if self._target is None:
            return np.zeros(len(self._axes))
        velocity = self._space.difference(self._target, target)[self._axes] / self._period
        return np.where(np.abs(velocity) <= self._limits[0], velocity, 0.0)
