"""Pushes what lies free in a MuJoCo world aside, as somebody who reaches across the table might."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from sdm_sim.free_bodies import FreeBody, free_bodies

# How far (m) a thing is pushed, and how long (s) that takes. It stays upright, as under a hand that is laid on it.
REACH, DURATION = 0.05, 0.4


@dataclass(eq=False)
class _Push:
    body: FreeBody
    direction: NDArray[np.float64]
    steps: int = 0


class Shove:
    """Leads every free body along a horizontal line of its own, as `Belt` does, once for each time that it is asked.

    What is touched, by the robot or from the side, stays or goes no farther. Directions are drawn from the episode's
    seed, so that the same pushes at the same steps repeat an episode.
    """

    def __init__(self, name: str, model: mujoco.MjModel, data: mujoco.MjData, dt: float) -> None:
        """`name` is the task's and `dt` (s) its control period. Raises TaskError where nothing in the model is free."""
        self._bodies, self._dt = free_bodies(name, model, data), dt
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Begins the episode of a seed."""
        self._random = np.random.default_rng([seed, 2])
        self._pushes: list[_Push] = []

    def push(self) -> None:
        """Begins a push, in place of one that is not over."""
        angles = self._random.uniform(0.0, 2 * np.pi, len(self._bodies))
        directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        self._pushes = [_Push(body, direction) for body, direction in zip(self._bodies, directions, strict=True)]

    def carry(self) -> None:
        """Call before every control step."""
        self._pushes = [push for push in self._pushes if push.steps * self._dt < DURATION and not push.body.touched()]
        for push in self._pushes:
            push.steps += 1
            push.body.shift((self._way(push.steps) - self._way(push.steps - 1)) * push.direction)

    def _way(self, steps: int) -> float:
        """How far (m) a push has led after so many steps; it begins and ends gently."""
        return REACH * (1 - np.cos(np.pi * min(steps * self._dt / DURATION, 1.0))) / 2
