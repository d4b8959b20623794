"""Pictures of a MuJoCo scene, for people and as a camera's colour, made only where someone asks for one."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray
from sdm_core.errors import TaskError

from sdm_sim.gl import rendering_available


class Picture:
    """A camera of a model as rgb8 images of any size; the renderer is kept while the size stays.

    Sites mark goals: people see them, and a policy, for which they are hidden, must not.
    """

    def __init__(self, model: mujoco.MjModel, camera: str, hide_sites: bool = False, shadows: bool = True) -> None:
        self._model, self._camera, self._shadows = model, camera, shadows
        self._options = mujoco.MjvOption()
        if hide_sites:
            self._options.sitegroup[:] = 0
        self._renderer: mujoco.Renderer | None = None

    def render(self, data: mujoco.MjData, width: int, height: int) -> NDArray[np.uint8]:
        """uint8[H,W,3]. Raises TaskError where there is no GL."""
        if not rendering_available():
            raise TaskError("pictures need GL: install libegl1 and libgl1; depth works without")
        if self._renderer is None or (self._renderer.width, self._renderer.height) != (width, height):
            self.close()
            buffer = self._model.vis.global_
            buffer.offwidth, buffer.offheight = max(buffer.offwidth, width), max(buffer.offheight, height)
            try:
                self._renderer = mujoco.Renderer(self._model, height, width)
            except Exception as error:  # of whatever kind: it is the GL library's own
                raise TaskError(f"GL gives no context for pictures here: {error}; depth works without") from None
            self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = self._shadows
        self._renderer.update_scene(data, camera=self._camera, scene_option=self._options)
        return self._renderer.render()

    def close(self) -> None:
        """Frees the GL context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
