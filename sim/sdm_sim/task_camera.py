"""A camera of a MuJoCo model, as its task has it: depth and colour for policies, pictures for people."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from sdm_sim.depth_camera import DepthCamera
from sdm_sim.picture import Picture
from sdm_sim.task import SensorFrame
from sdm_sim.task_contract import CAMERA_NAME


class TaskCamera:
    """Size × size pixels of the model's camera `camera`, which stands still where the model has it now."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, camera: str, size: int) -> None:
        mujoco.mj_forward(model, data)
        self._data, self._size = data, size
        self._depth = DepthCamera(model, camera, size, size)
        self._colour, self._picture = Picture(model, camera, hide_sites=True), Picture(model, camera)
        self.intrinsics, self.extrinsics = self._depth.intrinsics, self._depth.extrinsics(data)

    def frame(self, names: tuple[str, ...], values: NDArray[np.float64], depth: bool, images: bool) -> SensorFrame:
        """The named scalars and, where asked for, what the camera shows beside them. See Task.observe."""
        colour = {CAMERA_NAME: self._colour.render(self._data, self._size, self._size)} if images else {}
        return SensorFrame(names, values, self._depth.depth(self._data) if depth else None, colour)

    def picture(self, width: int, height: int) -> NDArray[np.uint8]:
        """rgb8 [H,W,3] for people, with the marks of goals. Raises TaskError where nothing can be rendered."""
        return self._picture.render(self._data, width, height)

    def close(self) -> None:
        """Frees the renderers."""
        for renderer in (self._picture, self._colour, self._depth):
            renderer.close()
