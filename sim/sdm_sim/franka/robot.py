"""The arm and its hand as their drivers show them: a target pose and a gripper command in, joints and pose out."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np
from numpy.typing import NDArray
from sdm_core.quaternion_sign import canonical

from sdm_sim.franka import fr3
from sdm_sim.franka.impedance import CartesianImpedance

Vector = NDArray[np.float64]

POSE_NAMES = ("ee.x", "ee.y", "ee.z", "ee.qx", "ee.qy", "ee.qz", "ee.qw")
STATE_NAMES = (*fr3.JOINTS, *fr3.FINGER_JOINTS, *POSE_NAMES)
# The hand is told to open or to close, not how far: an action server takes no stream.
CLOSES_FROM = 0.5
# How fast a finger travels (m/s).
FINGER_SPEED = 0.05
_OPEN = fr3.MAX_WIDTH / 2


class Robot:
    """The first joints and actuators of a cell's model."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        self._model, self._data = model, data
        self._impedance = CartesianImpedance(model, data, np.array(fr3.READY))
        self._site = model.site(fr3.TOOL_FRAME).id
        self._arm = len(fr3.JOINTS)
        self._hand = model.actuator("hand").id
        self._finger_step = FINGER_SPEED * model.opt.timestep
        self._wxyz = np.zeros(4)

    def reset(self, off: Vector) -> None:
        """Stands `off` [7] (rad) its ready posture with the hand open; the model's data have been reset before."""
        self._data.qpos[: self._arm] = off + fr3.READY
        self._data.qpos[self._arm : self._arm + 2] = self._data.ctrl[self._hand] = _OPEN
        mujoco.mj_forward(self._model, self._data)
        self._impedance.reset()
        self._target_wxyz = _wxyz(self.pose[3:])

    def step(self, command: Vector, steps: int, before_step: Callable[[], None]) -> None:
        """So many time steps under a command [8]: position, quaternion xyzw, gripper (1 closes, 0 opens).

        A quaternion without direction leaves the orientation as it was told last. `before_step` may move the scene.
        """
        model, data = self._model, self._data
        norm = float(np.linalg.norm(command[3:7]))
        if norm > 1e-6:
            self._target_wxyz = _wxyz(command[3:7] / norm)
        position = command[:3]
        wanted = 0.0 if command[7] > CLOSES_FROM else _OPEN
        for _ in range(steps):
            before_step()
            mujoco.mj_step1(model, data)
            data.ctrl[: self._arm] = self._impedance.torque(position, self._target_wxyz)
            step = min(max(wanted - data.ctrl[self._hand], -self._finger_step), self._finger_step)
            data.ctrl[self._hand] += step
            mujoco.mj_step2(model, data)
        mujoco.mj_forward(model, data)  # positions as of the end of the step, for sensors and cameras

    @property
    def state(self) -> Vector:
        """The values of STATE_NAMES: rad, m, and the tool's pose in the base frame."""
        return np.concatenate([self._data.qpos[: self._arm + 2], self.pose])

    @property
    def pose(self) -> Vector:
        """The tool's position and canonical quaternion xyzw."""
        mujoco.mju_mat2Quat(self._wxyz, self._data.site_xmat[self._site])
        w, x, y, z = self._wxyz.tolist()
        return np.array([*self._data.site_xpos[self._site], *canonical((x, y, z, w))])

    @property
    def width(self) -> float:
        """How far the hand is open, in m."""
        return float(self._data.qpos[self._arm] + self._data.qpos[self._arm + 1])


def _wxyz(xyzw: Vector) -> Vector:
    return np.roll(xyzw, 1)
