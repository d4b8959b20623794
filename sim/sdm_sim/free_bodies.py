"""What lies free in a MuJoCo world, told from the model alone, and how it is displaced."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray
from sdm_core.errors import TaskError

# A contact whose normal rises less than this is one from the side.
_STEEP = 0.5


class FreeBody:
    """A body that floats freely, with all that hangs on it. A robot is a kinematic tree with an actuated joint."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, joint: int) -> None:
        """`joint` is its free joint."""
        roots = model.body_rootid[model.geom_bodyid]
        self._robot = np.isin(roots, _robots(model))
        self._body = roots == model.body_rootid[model.jnt_bodyid[joint]]
        self._place = slice(model.jnt_qposadr[joint], model.jnt_qposadr[joint] + 2)
        self._data = data

    def shift(self, offset: NDArray[np.float64]) -> None:
        """Displaces it by float64[2] (m) in x and y; all else is left to the physics."""
        self._data.qpos[self._place] += offset

    def touched(self) -> bool:
        """Whether the robot touches it, or anything does from the side: it belongs to whoever pushes it then."""
        contact = self._data.contact
        first, second = contact.geom[:, 0], contact.geom[:, 1]
        involved = self._body[first] != self._body[second]
        by_robot = self._robot[first] | self._robot[second]
        from_the_side = np.abs(contact.frame[:, 2]) < _STEEP
        return bool((involved & (by_robot | from_the_side)).any())


def free_bodies(name: str, model: mujoco.MjModel, data: mujoco.MjData) -> list[FreeBody]:
    """Those that are no robots, in the model's order. Raises TaskError where there are none; `name` is the task's."""
    robots = _robots(model)
    free = np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)
    loose = [int(joint) for joint in free if model.body_rootid[model.jnt_bodyid[joint]] not in robots]
    if not loose:
        raise TaskError(f"{name}: nothing in this task lies free, so that nothing can be moved; take another task")
    return [FreeBody(model, data, joint) for joint in loose]


def _robots(model: mujoco.MjModel) -> NDArray[np.int32]:
    """The roots of the robots' kinematic trees."""
    actuated = model.actuator_trnid[model.actuator_trntype == mujoco.mjtTrn.mjTRN_JOINT, 0]
    return np.unique(model.body_rootid[model.jnt_bodyid[actuated]])
