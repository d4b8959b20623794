"""The cropped cloud as the network gets it."""

from __future__ import annotations

import numpy as np
import viser
from numpy.typing import NDArray
from sdm_core.contract import XYZ, XYZRGB

from sdm_cockpit.page.palette import CLOUD_HIGH, CLOUD_LOW, ramp

MAX_POINTS = 2_000_000
POINT_SIZE_M = 0.007
# Coordinates beyond this have nothing to do with a robot's cell, and half floats end at 65 km.
_FARTHEST_M = 1000.0


class PointCloud:
    """Points in their own colour, or else coloured by their height; what cannot be drawn is left out, and said."""

    def __init__(self, scene: viser.SceneApi) -> None:
        self._handle = scene.add_point_cloud(
            "/cloud",
            np.zeros((1, 3), np.float32),
            CLOUD_LOW,
            point_size=POINT_SIZE_M,
            point_shape="circle",
            precision="float16",
            visible=False,
        )
        self._shown: NDArray[np.float32] | None = None
        self._problems: tuple[str, ...] = ()

    def show(self, cloud: NDArray[np.float32] | None) -> tuple[str, ...]:
        """Draws `cloud` float32[N,channels], nothing for None; a line for each thing that is wrong with it."""
        if cloud is self._shown:
            return self._problems
        self._shown = cloud
        points, self._problems = (np.zeros((0, XYZ), np.float32), ()) if cloud is None else drawable(cloud)
        self._handle.visible = len(points) > 0
        if len(points):
            self._handle.points = points[:, :XYZ]
            self._handle.colors = point_colours(points)
        return self._problems


def drawable(cloud: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """The points of `cloud` that can be drawn, float32[M,channels], and a line for each kind of trouble."""
    if cloud.ndim != 2 or cloud.shape[1] not in (XYZ, XYZRGB):
        wrong = f"cloud: shape {list(cloud.shape)} instead of [N, {XYZ}] or [N, {XYZRGB}]; nothing is drawn"
        return np.zeros((0, XYZ), np.float32), (wrong,)
    problems = []
    points = cloud
    if len(points) > MAX_POINTS:
        problems.append(f"cloud: {len(points):,} points; the first {MAX_POINTS:,} are drawn")
        points = points[:MAX_POINTS]
    sound = (np.abs(points) <= _FARTHEST_M).all(axis=1)  # NaN is not
    if not sound.all():
        problems.append(f"cloud: {int((~sound).sum()):,} of {len(points):,} points are not finite, or 1 km away")
        points = points[sound]
    if not len(points):
        problems.append("cloud: no point is left to draw; does the crop box meet the scene?")
    return points, tuple(problems)


def point_colours(cloud: NDArray[np.float32], low: float | None = None, high: float | None = None) -> NDArray[np.uint8]:
    """Colours uint8[N,3] of one or more points: their own, or those of their height between `low` and `high` (m; None:
    of the lowest and the highest of them)."""
    if cloud.shape[1] == XYZRGB:
        return np.rint(255 * cloud[:, XYZ:].clip(0.0, 1.0)).astype(np.uint8)
    heights = cloud[:, 2]
    low, high = float(heights.min()) if low is None else low, float(heights.max()) if high is None else high
    return ramp(CLOUD_LOW, CLOUD_HIGH, (heights - low) / ((high - low) or 1.0))
