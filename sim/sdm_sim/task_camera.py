"""A camera of a MuJoCo model, as its task has it: depth and colour for policies, pictures for people."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray
from sdm_core.perception.point_cloud import Extrinsics, Intrinsics

from sdm_sim.depth_camera import DepthCamera
from sdm_sim.picture import Picture
from sdm_sim.task import SensorFrame
from sdm_sim.task_contract import CAMERA_NAME


class TaskCamera:
    """Depth and colour of the model's camera `camera`, as from one lens; a renderer is made where one is needed."""

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        camera: str,
        width: int,
        height: int | None = None,
    ) -> None:
        """Images of width × height pixels, without a height of width × width."""
        mujoco.mj_forward(model, data)
        self._data, self._size = data, (width, height or width)
        self._depth = DepthCamera(model, camera, *self._size)
        # Shadows would take several times as long as the rest of it.
        self._colour = Picture(model, camera, hide_sites=True, shadows=False)
        self._picture = Picture(model, camera)

    @property
    def intrinsics(self) -> Intrinsics:
        return self._depth.intrinsics

    @property
    def extrinsics(self) -> Extrinsics:
        """Where the optical frame is now, in the world."""
        return self._depth.extrinsics(self._data)

    def depth(self) -> NDArray[np.uint16]:
        """uint16[H,W] millimetres, 0 where nothing is seen."""
        return self._depth.depth(self._data)

    def colour(self) -> NDArray[np.uint8]:
        """rgb8 [H,W,3]. Raises TaskError where nothing can be rendered."""
        return self._colour.render(self._data, *self._size)

    def frame(self, names: tuple[str, ...], values: NDArray[np.float64], depth: bool, images: bool) -> SensorFrame:
        """The named scalars and, where asked for, what the task's only camera shows beside them. See Task.observe."""
        colour = {CAMERA_NAME: self.colour()} if images else {}
        return SensorFrame(names, values, self.depth() if depth else None, colour)

    def picture(self, width: int, height: int) -> NDArray[np.uint8]:
        """rgb8 [H,W,3] for people, with the marks of goals. Raises TaskError where nothing can be rendered."""
        return self._picture.render(self._data, width, height)

    def close(self) -> None:
        """Frees the renderers."""
        for renderer in (self._picture, self._colour, self._depth):
            renderer.close()
