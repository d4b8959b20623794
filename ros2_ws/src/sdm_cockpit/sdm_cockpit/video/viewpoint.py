"""Where a scene is looked at from: a pinhole camera that has all of it in sight."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Half of the greater side of the picture is seen under this tangent; so much of the picture the scene may fill.
_SPREAD, _FILLED = 0.25, 0.92


@dataclass(frozen=True, eq=False)
class Viewpoint:
    """`position` float64[3] of the camera in m, `axes` float64[3,3] its right, down and forward directions as rows,
    `focal` its focal length in pixels, and the size of its picture."""

    position: NDArray[np.float64]
    axes: NDArray[np.float64]
    focal: float
    width: int
    height: int

    @classmethod
    def around(cls, points: NDArray, azimuth: float, elevation: float, width: int, height: int) -> Viewpoint:
        """From the direction `azimuth` (around z, from x on) and `elevation` (above the ground), both in rad, as near
        as all points [N,3] can be seen."""
        away = np.array(
            [math.cos(azimuth) * math.cos(elevation), math.sin(azimuth) * math.cos(elevation), math.sin(elevation)]
        )
        right = np.array([-math.sin(azimuth), math.cos(azimuth), 0.0])
        axes = np.stack([right, np.cross(-away, right), -away])
        focal = max(width, height) / 2 / _SPREAD
        seen = points.astype(np.float64) @ axes.T
        middle = (seen.min(axis=0) + seen.max(axis=0)) / 2
        x, y, z = (seen - middle).T
        room = _FILLED * np.array([width, height]) / 2 / focal
        distance = max((np.abs(x) / room[0] - z).max(), (np.abs(y) / room[1] - z).max())
        return cls(middle @ axes + away * distance, axes, focal, width, height)

    def project(self, points: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixels float64[N,2] (column, row) of points [N,3], and how far (m) before the camera these lie: what is not
        before it has no pixel, and NaN there."""
        x, y, depth = self.axes @ (points.astype(np.float64) - self.position).T
        before = np.where(depth > 0, depth, np.nan)
        pixels = np.stack([self.focal * x / before + self.width / 2, self.focal * y / before + self.height / 2], axis=1)
        return pixels, depth
