"""Pictures of a MuJoCo scene for people, made only where someone asks for one."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray
from sdm_core.errors import TaskError

from sdm_sim.gl import rendering_available


class Picture:
    """A camera of a model as rgb8 images of any size; the renderer is kept while the size stays."""

    def __init__(self, model: mujoco.MjModel, camera: str) -> None:
        self._model, self._camera = model, camera
        self._renderer: mujoco.Renderer | None = None

    def render(self, data: mujoco.MjData, width: int, height: int) -> NDArray[np.uint8]:
        """uint8[H,W,3]. Raises TaskError where there is no GL."""
        if not rendering_available():
            raise TaskError("pictures need GL: install libegl1 and libgl1; depth works without")
        if self._renderer is None or (self._renderer.width, self._renderer.height) != (width, height):
            self.close()
            buffer = self._model.vis.global_
            buffer.offwidth, buffer.offheight = max(buffer.offwidth, width), max(buffer.offheight, height)
            self._renderer = mujoco.Renderer(self._model, height, width)
        self._renderer.update_scene(data, camera=self._camera)
        return self._renderer.render()

    def close(self) -> None:
        """Frees the GL context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
