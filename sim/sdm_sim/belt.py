"""Carries what lies free in a MuJoCo world to and fro, until something touches it: the moving variant of any task."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray
from sdm_core.errors import TaskError

from sdm_sim.free_bodies import loose_joints, robot_roots

# How far (m) the object is led from where it lay, and how long (s) it takes there and back on both sides. At its
# fastest it does 0.13 m/s, which is 6 mm in 50 ms.
REACH, DURATION = 0.04, 2.0
# A contact whose normal rises less than this is one from the side.
_STEEP = 0.5


class Belt:
    """Leads the first free body of a model along a horizontal line, whose direction is drawn from the episode's seed.

    The body is displaced a little before every control step, and otherwise left to the physics. It is let go of for the
    rest of the episode once the robot touches it, or anything does from the side: from then on it belongs to whoever
    pushes it. The robot is every kinematic tree with an actuated joint.
    """

    def __init__(self, name: str, model: mujoco.MjModel, data: mujoco.MjData, dt: float) -> None:
        """`name` is the task's and `dt` (s) its control period. Raises TaskError where nothing in the model is free."""
        robots, loose = robot_roots(model), loose_joints(model)
        if not loose:
            raise TaskError(f"{name}: nothing in this task lies free, so that nothing can be moved; take another task")
        roots = model.body_rootid[model.geom_bodyid]
        self._robot, self._body = np.isin(roots, robots), roots == model.body_rootid[model.jnt_bodyid[loose[0]]]
        self._place = slice(model.jnt_qposadr[loose[0]], model.jnt_qposadr[loose[0]] + 2)
        self._data, self._dt = data, dt

    def reset(self, seed: int) -> None:
        """Begins the episode of a seed, whose objects lie where they start."""
        angle = np.random.default_rng([seed, 0]).uniform(0.0, 2 * np.pi)
        self._direction = np.array([np.cos(angle), np.sin(angle)])
        self._steps, self._carried = 0, True

    def carry(self) -> None:
        """Call before every control step."""
        self._carried = self._carried and not self._touched()
        self._steps += 1
        if self._carried:
            self._data.qpos[self._place] += self._offset(self._steps) - self._offset(self._steps - 1)

    def _offset(self, steps: int) -> NDArray[np.float64]:
        """How far [2] (m) the line leads after so many steps."""
        return REACH * np.sin(2 * np.pi * steps * self._dt / DURATION) * self._direction

    def _touched(self) -> bool:
        contact = self._data.contact
        first, second = contact.geom[:, 0], contact.geom[:, 1]
        involved = self._body[first] != self._body[second]
        by_robot = self._robot[first] | self._robot[second]
        from_the_side = np.abs(contact.frame[:, 2]) < _STEEP
        return bool((involved & (by_robot | from_the_side)).any())
