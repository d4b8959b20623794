"""An arm behind a joint trajectory controller, which interpolates from where it has led the arm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sdm_core.commands.planned_path import PlannedPath

Vector = NDArray[np.float64]


class TrajectoryArm:
    """Cubic splines through positions and velocities, as ros2_control's controller lays them; it stands at the end."""

    def __init__(self, stand: Vector) -> None:
        self._times = np.array([0.0])
        self._positions = stand[np.newaxis]
        self._velocities = np.zeros((1, len(stand)))

    def give(self, path: PlannedPath, now: float) -> None:
        """A trajectory that begins now, and ends all earlier ones."""
        assert path.first_s > 0
        position, velocity = self.at(now)
        joints = len(position)  # the gripper has a topic of its own
        self._times = np.concatenate([[now], now + path.times_s])
        self._positions = np.vstack([position, path.commands[:, :joints]])
        self._velocities = np.vstack([velocity, path.velocities()[:, :joints]])

    def at(self, time: float) -> tuple[Vector, Vector]:
        """Position and velocity."""
        if time >= self._times[-1] or len(self._times) == 1:
            return self._positions[-1].copy(), np.zeros(self._positions.shape[1])
        index = max(int(np.searchsorted(self._times, time, side="right")) - 1, 0)
        step = self._times[index + 1] - self._times[index]
        s = (time - self._times[index]) / step
        (p0, p1), (v0, v1) = self._positions[index : index + 2], self._velocities[index : index + 2]
        position = (2 * s**3 - 3 * s**2 + 1) * p0 + (s**3 - 2 * s**2 + s) * step * v0
        position += (3 * s**2 - 2 * s**3) * p1 + (s**3 - s**2) * step * v1
        velocity = (6 * s**2 - 6 * s) * (p0 - p1) / step + (3 * s**2 - 4 * s + 1) * v0 + (3 * s**2 - 2 * s) * v1
        return position, velocity
