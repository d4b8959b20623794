"""Things that lie loose in the cell: where they are put, and where they are."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


class Thing:
    """A body with a free joint."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, name: str) -> None:
        joint = model.body(name).jntadr[0]
        self._position, self._velocity = model.jnt_qposadr[joint], model.jnt_dofadr[joint]
        self._data = data

    def put(self, position: Vector, yaw: float) -> None:
        """Lies at rest, turned by `yaw` about the vertical."""
        self._data.qpos[self._position : self._position + 7] = [
            *position, np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2),
        ]  # fmt: skip
        self._data.qvel[self._velocity : self._velocity + 6] = 0.0

    @property
    def position(self) -> Vector:
        return self._data.qpos[self._position : self._position + 3].copy()

    @property
    def wxyz(self) -> Vector:
        return self._data.qpos[self._position + 3 : self._position + 7].copy()

    @property
    def speed(self) -> float:
        """m/s."""
        return float(np.linalg.norm(self._data.qvel[self._velocity : self._velocity + 3]))

    @property
    def yaw(self) -> float:
        w, x, y, z = self.wxyz.tolist()
        return float(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))

    @property
    def upright(self) -> float:
        """The cosine of its tilt."""
        _, x, y, _ = self.wxyz.tolist()
        return 1 - 2 * (x * x + y * y)


class Fixture:
    """A mocap body: it stands still, elsewhere in each episode, or is led by hand."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, name: str) -> None:
        self._data, self._index = data, model.body(name).mocapid[0]

    def put(self, position: Vector, wxyz: Vector | None = None) -> None:
        """Stands at `position`; turned as it was unless `wxyz` says how."""
        self._data.mocap_pos[self._index] = position
        if wxyz is not None:
            self._data.mocap_quat[self._index] = wxyz

    @property
    def position(self) -> Vector:
        return self._data.mocap_pos[self._index].copy()
