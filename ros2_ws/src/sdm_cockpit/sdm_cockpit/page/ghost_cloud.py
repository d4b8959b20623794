"""A cloud of another time beside the present one: in grey, and only where it is wished for."""

from __future__ import annotations

import numpy as np
import viser
from numpy.typing import NDArray
from sdm_core.contract import XYZ

from sdm_cockpit.page.palette import GREY
from sdm_cockpit.page.point_cloud import POINT_SIZE_M, drawable

# Smaller than those of the present, which it must not hide.
_SIZE_M = 0.6 * POINT_SIZE_M


class GhostCloud:
    """Drawn while its box is ticked."""

    def __init__(self, scene: viser.SceneApi, gui: viser.GuiApi, label: str) -> None:
        self._wished = gui.add_checkbox(label, True)
        self._handle = scene.add_point_cloud(
            "/ghost",
            np.zeros((1, 3), np.float32),
            GREY,
            point_size=_SIZE_M,
            point_shape="circle",
            precision="float16",
            visible=False,
        )
        self._shown: NDArray[np.float32] | None = None

    def show(self, cloud: NDArray[np.float32] | None) -> None:
        """Draws the places of `cloud` float32[N,channels], nothing for None."""
        self._handle.visible = self._wished.value and cloud is not None and len(cloud) > 0
        if cloud is self._shown or cloud is None:
            return
        self._shown = cloud
        points, _ = drawable(cloud)
        if len(points):
            self._handle.points = points[:, :XYZ]
