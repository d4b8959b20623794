"""Lines in space."""

from __future__ import annotations

import numpy as np
import viser
from numpy.typing import NDArray

from sdm_cockpit.snapshot import Box

# The twelve pairs of a box's corners that differ in one coordinate only; bit k of a corner chooses axis k's high side.
_EDGES = [(corner, corner | 1 << axis) for corner in range(8) for axis in range(3) if not corner >> axis & 1]
_HIGH_SIDE = np.array([[corner >> axis & 1 for axis in range(3)] for corner in range(8)], bool)


def coloured_line(scene: viser.SceneApi, name: str, thickness_m: float) -> viser.LineSegmentsHandle:
    """A line that is hidden as yet, and whose points have a colour each from the start: one that is given them later
    stays white in viser's page."""
    ends, colours = np.zeros((1, 2, 3), np.float32), np.zeros((1, 2, 3), np.uint8)
    return scene.add_line_segments(name, ends, colours, thickness=thickness_m, visible=False)


def box_edges(box: Box) -> NDArray[np.float32]:
    """The twelve edges of `box`: float32[12,2,3]."""
    corners = np.where(_HIGH_SIDE, box.high, box.low).astype(np.float32)
    return corners[_EDGES]
