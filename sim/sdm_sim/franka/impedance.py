"""Cartesian impedance, as CRISP's controller and the manufacturer's example hold an arm at a target pose.

A spring and a damper pull the tool towards the target; another pair, in the null space of that, keeps the posture. The
model's gravity is compensated, as libfranka does, and what is commanded stays within libfranka's torques and their
rates.
"""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from sdm_sim.franka import fr3

Vector = NDArray[np.float64]

# N/m, N·m/rad; the dampers are about critical for what the tool feels of the arm's mass (some 4 kg, 0.15 kg·m²).
STIFFNESS = np.array([1000.0, 1000.0, 1000.0, 60.0, 60.0, 60.0])
DAMPING = np.array([126.0, 126.0, 126.0, 6.0, 6.0, 6.0])
POSTURE_STIFFNESS, POSTURE_DAMPING = 10.0, 4.0
# Farther than this the spring pulls no harder (m, rad): a distant target is approached, not jumped at.
ERROR_LIMIT = np.array([0.08, 0.08, 0.08, 0.4, 0.4, 0.4])
# Keeps the null space's projection finite where the arm is stretched out.
_REGULARISATION = 1e-4 * np.eye(6)
_JOINTS = len(fr3.JOINTS)


class CartesianImpedance:
    """Torques [7] towards a target pose, from a model whose positions and velocities are current."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, posture: Vector) -> None:
        """`posture` [7]: what the null space is drawn to. The arm's joints are the model's first."""
        self._model, self._data, self._posture = model, data, posture
        self._site = model.site(fr3.TOOL_FRAME).id
        self._jacobian = np.zeros((6, model.nv))
        self._limits = np.array(fr3.TORQUE_LIMITS)
        self._step_limit = fr3.TORQUE_RATE_LIMIT * model.opt.timestep
        self._error, self._turn, self._wxyz = np.zeros(6), np.zeros(4), np.zeros(4)
        self.reset()

    def reset(self) -> None:
        """Begins without torque."""
        self._torque = np.zeros(_JOINTS)

    def torque(self, position: Vector, wxyz: Vector) -> Vector:
        """The torques of this time step towards a tool's pose in the base frame."""
        data, error = self._data, self._error
        error[:3] = position - data.site_xpos[self._site]
        mujoco.mju_mat2Quat(self._wxyz, data.site_xmat[self._site])
        mujoco.mju_negQuat(self._wxyz, self._wxyz)
        mujoco.mju_mulQuat(self._turn, wxyz, self._wxyz)
        mujoco.mju_quat2Vel(error[3:], self._turn, 1.0)
        mujoco.mj_jacSite(self._model, data, self._jacobian[:3], self._jacobian[3:], self._site)
        jacobian, velocity = self._jacobian[:, :_JOINTS], data.qvel[:_JOINTS]
        force = STIFFNESS * np.clip(error, -ERROR_LIMIT, ERROR_LIMIT) - DAMPING * (jacobian @ velocity)
        posture = POSTURE_STIFFNESS * (self._posture - data.qpos[:_JOINTS]) - POSTURE_DAMPING * velocity
        # What of the posture's torques would move the tool is taken from them.
        force -= np.linalg.solve(jacobian @ jacobian.T + _REGULARISATION, jacobian @ posture)
        coriolis = data.qfrc_bias[:_JOINTS] - data.qfrc_gravcomp[:_JOINTS]
        wanted = jacobian.T @ force + posture + coriolis
        change = np.clip(wanted - self._torque, -self._step_limit, self._step_limit)
        self._torque = np.clip(self._torque + change, -self._limits, self._limits)
        return self._torque
