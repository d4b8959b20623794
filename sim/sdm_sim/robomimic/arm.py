"""One of robosuite's Pandas with its hand: what is measured of it, and which action moves it."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from sdm_sim.robomimic.contract import ROTATION, TRANSLATION
from sdm_sim.robomimic.pose import Pose

Vector = NDArray[np.float64]

FINGER_JOINTS = ("finger_joint1", "finger_joint2")


class Arm:
    """The arm of robosuite's robot `number`; its tool is the grip site, whose x axis the fingers close along."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, number: int) -> None:
        self._data = data
        gripper = f"gripper{number}_right"
        self._site = model.site(f"{gripper}_grip_site").id
        self._fingers = [model.joint(f"{gripper}_{joint}").qposadr[0] for joint in FINGER_JOINTS]

    @property
    def pose(self) -> Pose:
        """Of the tool, in the world."""
        rotation = Rotation.from_matrix(self._data.site_xmat[self._site].reshape(3, 3))
        return Pose(self._data.site_xpos[self._site].copy(), rotation)

    @property
    def state(self) -> Vector:
        """Position, quaternion xyzw (of the two that say the same the one near pointing down ahead), fingers: [9]."""
        pose = self.pose
        quaternion = pose.rotation.as_quat()
        if quaternion[0] + quaternion[1] < 0:
            quaternion = -quaternion
        return np.concatenate([pose.position, quaternion, self._data.qpos[self._fingers]])

    @property
    def width(self) -> float:
        """How far the hand is open, in m."""
        first, second = self._data.qpos[self._fingers].tolist()
        return first - second

    def towards(self, target: Pose, gripper: float) -> Vector:
        """The action [7] that brings the tool as near to a pose as one step can, on a straight way."""
        here = self.pose
        translation = (target.position - here.position) / TRANSLATION
        rotation = (target.rotation * here.rotation.inv()).as_rotvec() / ROTATION
        return np.concatenate([_within_one(translation), _within_one(rotation), [gripper]])


def _within_one(delta: Vector) -> Vector:
    return delta / max(1.0, float(np.abs(delta).max()))
