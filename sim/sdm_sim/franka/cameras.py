"""The cell's two RealSense cameras: one that stands opposite the arm, and one at its hand."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray
from sdm_core.point_cloud import Extrinsics, Intrinsics

from sdm_sim.depth_camera import DepthCamera
from sdm_sim.picture import Picture


class RealSense:
    """Depth and colour of one camera of the model, as from one lens."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, camera: str, width: int, height: int) -> None:
        self._model, self._data, self._camera = model, data, camera
        self._width, self._height = width, height
        self._depth: DepthCamera | None = None
        # What policies see goes without shadows, which would take ten times as long as the rest.
        self._colour = Picture(model, camera, hide_sites=True, shadows=False)
        self._picture = Picture(model, camera)

    @property
    def intrinsics(self) -> Intrinsics:
        return self._depth_camera.intrinsics

    @property
    def extrinsics(self) -> Extrinsics:
        """Where the optical frame is now, in the base frame."""
        return self._depth_camera.extrinsics(self._data)

    def depth(self) -> NDArray[np.uint16]:
        """uint16[H,W] millimetres, 0 where nothing is seen."""
        return self._depth_camera.depth(self._data)

    def colour(self) -> NDArray[np.uint8]:
        """rgb8 [H,W,3]. Raises TaskError where nothing can be rendered."""
        return self._colour.render(self._data, self._width, self._height)

    def picture(self, width: int, height: int) -> NDArray[np.uint8]:
        """rgb8 [H,W,3] for people. Raises TaskError where nothing can be rendered."""
        return self._picture.render(self._data, width, height)

    def close(self) -> None:
        """Frees the renderers."""
        for renderer in (self._picture, self._colour, self._depth):
            if renderer is not None:
                renderer.close()

    @property
    def _depth_camera(self) -> DepthCamera:
        if self._depth is None:
            self._depth = DepthCamera(self._model, self._camera, self._width, self._height)
        return self._depth
