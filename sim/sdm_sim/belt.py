"""Carries what lies free in a MuJoCo world to and fro, until something touches it: the moving variant of any task."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from sdm_sim.free_bodies import free_bodies

# How far (m) the object is led from where it lay, and how long (s) it takes there and back on both sides. At its
# fastest it does 0.13 m/s, which is 6 mm in 50 ms.
REACH, DURATION = 0.04, 2.0


class Belt:
    """Leads the first free body of a model along a horizontal line, whose direction is drawn from the episode's seed.

    The body is displaced a little before every control step, and otherwise left to the physics. It is let go of for the
    rest of the episode once it is touched.
    """

    def __init__(self, name: str, model: mujoco.MjModel, data: mujoco.MjData, dt: float) -> None:
        """`name` is the task's and `dt` (s) its control period. Raises TaskError where nothing in the model is free."""
        self._body, self._dt = free_bodies(name, model, data)[0], dt

    def reset(self, seed: int) -> None:
        """Begins the episode of a seed, whose objects lie where they start."""
        angle = np.random.default_rng([seed, 0]).uniform(0.0, 2 * np.pi)
        self._direction = np.array([np.cos(angle), np.sin(angle)])
        self._steps, self._carried = 0, True

    def carry(self) -> None:
        """Call before every control step."""
        self._carried = self._carried and not self._body.touched()
        self._steps += 1
        if self._carried:
            self._body.shift(self._offset(self._steps) - self._offset(self._steps - 1))

    def _offset(self, steps: int) -> NDArray[np.float64]:
        """How far [2] (m) the line leads after so many steps."""
        return REACH * np.sin(2 * np.pi * steps * self._dt / DURATION) * self._direction
