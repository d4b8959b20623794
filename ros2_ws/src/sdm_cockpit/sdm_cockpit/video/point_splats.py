"""Clouds as pictures: each point a small ball, the nearer before the farther, in numpy alone."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sdm_cockpit.video.viewpoint import Viewpoint

# How dark a ball's rim is beside its middle.
_RIM = 0.45


def draw_points(
    picture: NDArray[np.uint8], points: NDArray, colours: NDArray[np.uint8], radius: float, view: Viewpoint
) -> None:
    """Draws points [N,3] as balls of a radius (m) and of colours uint8[N,3] onto a picture [H,W,3]."""
    pixels, shade, owner = _covered(points, radius, view)
    picture.reshape(-1, 3)[pixels] = colours[owner] * shade[:, None]


def visible_points(points: NDArray, radius: float, view: Viewpoint) -> int:
    """How many of the points are seen, at least in part: the others lie behind them, or beyond the picture."""
    pixels, _, owner = _covered(points, radius, view)
    front = np.full(view.width * view.height, -1)
    front[pixels] = owner
    return len(np.unique(front[front >= 0]))


def _covered(
    points: NDArray, radius: float, view: Viewpoint
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.intp]]:
    """Which pixels (row by row) balls cover, how bright each is there, and whose it is. The nearest ball comes last: it
    wins where one is assigned after the other."""
    centres, depth = view.project(points)
    owners = np.argsort(-depth)[: np.count_nonzero(depth > radius)]
    # On a coarse picture a far point still has a pixel.
    sizes = np.maximum(view.focal * radius / depth[owners], 0.5)
    furthest = math.ceil(sizes.max(initial=0.0))
    reach = np.arange(-furthest, furthest + 1)
    across, down = (offsets.ravel() for offsets in np.meshgrid(reach, reach))
    from_centre = (across**2 + down**2)[None, :] / sizes[:, None] ** 2
    ball, offset = np.nonzero(from_centre <= 1.0)
    columns, rows = np.round(centres[owners]).astype(np.intp).T
    columns, rows = columns[ball] + across[offset], rows[ball] + down[offset]
    inside = (columns >= 0) & (columns < view.width) & (rows >= 0) & (rows < view.height)
    shade = _RIM + (1 - _RIM) * np.sqrt(1.0 - from_centre[ball, offset][inside])
    return (rows * view.width + columns)[inside], shade, owners[ball][inside]
