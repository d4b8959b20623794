"""What lies free in a MuJoCo world, and what is a robot in it, told from the model alone."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray


def robot_roots(model: mujoco.MjModel) -> NDArray[np.int32]:
    """The bodies at the roots of the robots: of every kinematic tree with an actuated joint."""
    actuated = model.actuator_trnid[model.actuator_trntype == mujoco.mjtTrn.mjTRN_JOINT, 0]
    return np.unique(model.body_rootid[model.jnt_bodyid[actuated]])


def loose_joints(model: mujoco.MjModel) -> list[int]:
    """The free joints of bodies that belong to no robot."""
    robots = robot_roots(model)
    free = np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)
    return [int(joint) for joint in free if model.body_rootid[model.jnt_bodyid[joint]] not in robots]
