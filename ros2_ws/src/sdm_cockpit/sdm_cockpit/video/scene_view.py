"""A recorded episode in space: cloud, crop box, trail and plans, seen from one place for all its steps."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.spatial import KDTree
from sdm_core.contract import XYZ

from sdm_cockpit.page import palette
from sdm_cockpit.page.lines import box_edges
from sdm_cockpit.page.palette import Rgb
from sdm_cockpit.page.point_cloud import point_colours
from sdm_cockpit.replay.recording import Recording
from sdm_cockpit.snapshot import Plan, Snapshot
from sdm_cockpit.video.point_splats import draw_points, visible_points
from sdm_cockpit.video.viewpoint import Viewpoint

# Everything is drawn at twice the size, and then made smaller: so lines and balls have smooth edges.
_FINER = 2
_ELEVATION, _AZIMUTHS = math.radians(32), np.radians(np.arange(0, 360, 30))
# A trial picture, in which points are counted.
_TRIAL = (160, 120)
# Widths in pixels of the finished picture.
_EDGE, _TRAIL, _PLAN, _EXECUTED, _TOOL = 1, 2, 4, 7, 6
# Percent of the points, at either end of each axis, that may stray: they do not make all others small.
_STRAY = 1.0
# A ball's radius as a share of how far its nearest neighbour lies, most often, and of the scene's extent at most.
_BALL, _LARGEST_BALL = 0.55, 0.013
# Where nothing is known to be, a cubic metre is shown.
_NOTHING = np.array([(-0.5, -0.5, 0.0), (0.5, 0.5, 1.0)])


class SceneView:
    """Draws the snapshots of one recording. Its viewpoint is that of which most of the cloud's points can be seen: a
    depth camera saw one side of things only."""

    def __init__(self, recording: Recording, width: int, height: int, azimuth: float | None = None) -> None:
        """`azimuth` (rad) of the viewpoint; None: the best one."""
        self._trail = recording.trail
        clouds = [cloud for step in range(len(recording)) if (cloud := _places(recording, step)) is not None]
        scene = _scene_points(clouds, self._trail)
        self._heights = float(scene[:, 2].min()), float(scene[:, 2].max())
        largest = _LARGEST_BALL * float(np.linalg.norm(np.ptp(scene, axis=0)))
        self._radius = min(_BALL * _spacing(clouds[0]), largest) if clouds else 0.0
        if azimuth is None:
            azimuth = _best_azimuth(clouds[0], self._radius, scene) if clouds else float(_AZIMUTHS[1])
        self._view = Viewpoint.around(scene, azimuth, _ELEVATION, _FINER * width, _FINER * height)

    def draw(self, snapshot: Snapshot, step: int) -> Image.Image:
        """The picture of a step's snapshot."""
        view = self._view
        picture = np.full((view.height, view.width, 3), palette.BLACK, np.uint8)
        behind = Image.fromarray(picture)
        draw = ImageDraw.Draw(behind)
        if snapshot.crop is not None:
            for edge in box_edges(snapshot.crop):
                self._line(draw, edge, [_dimmed(palette.CROP)], _EDGE)
        picture = np.array(behind)
        if snapshot.cloud is not None and len(snapshot.cloud):
            draw_points(
                picture, snapshot.cloud[:, :XYZ], point_colours(snapshot.cloud, *self._heights), self._radius, view
            )
        image = Image.fromarray(picture)
        draw = ImageDraw.Draw(image)
        if self._trail is not None:
            self._line(draw, self._trail[: step + 1], [palette.TRAIL], _TRAIL)
        for index, plan in enumerate(snapshot.plans):
            self._plan(draw, plan, palette.PLANS[index % len(palette.PLANS)], snapshot)
        if snapshot.tool is not None:
            (pixel,), _ = view.project(snapshot.tool.position[None])
            draw.circle(tuple(pixel), _FINER * _TOOL, outline=palette.WHITE, width=_FINER * _EDGE)
        return image.resize((view.width // _FINER, view.height // _FINER), Image.Resampling.BOX)

    def _plan(self, draw: ImageDraw.ImageDraw, plan: Plan, ends: tuple[Rgb, Rgb], snapshot: Snapshot) -> None:
        """The way from the tool through all targets, the executed part of it thick."""
        if plan.path is None:
            return
        path = plan.path if snapshot.tool is None or plan.executed else np.vstack([snapshot.tool.position, plan.path])
        colours = [(r, g, b) for r, g, b in palette.ramp(*ends, np.linspace(0, 1, len(path))).tolist()]
        self._line(draw, path, [palette.BLACK], _PLAN + 2)
        self._line(draw, path, colours, _PLAN)
        self._line(draw, path[: plan.executed], colours, _EXECUTED)

    def _line(self, draw: ImageDraw.ImageDraw, path: NDArray, colours: list[Rgb], width: int) -> None:
        """A path [N,3], each piece in the next colour, the last one for all that follow; what lies behind the camera is
        left out."""
        pixels, _ = self._view.project(path)
        for index, (start, end) in enumerate(pairwise(pixels)):
            if np.isfinite([start, end]).all():
                colour = colours[min(index, len(colours) - 1)]
                draw.line([tuple(start), tuple(end)], fill=colour, width=_FINER * width, joint="curve")


def _places(recording: Recording, step: int) -> NDArray | None:
    """Where the points [M,3] of a step's cloud are; None where there is none."""
    cloud = recording.cloud(step)
    return None if cloud is None else cloud[:, :XYZ]


def _scene_points(clouds: list[NDArray], trail: NDArray | None) -> NDArray:
    """What there is to be seen of a whole episode, float[N,3]: points that stray are none of it."""
    points = np.concatenate(clouds) if clouds else np.zeros((0, 3))
    if len(points):
        low, high = np.percentile(points, [_STRAY, 100 - _STRAY], axis=0)
        points = points[((low <= points) & (points <= high)).all(axis=1)]
    scene = points if trail is None else np.concatenate([points, trail])
    return scene if len(scene) else _NOTHING


def _spacing(cloud: NDArray) -> float:
    """How far (m) a point's nearest neighbour lies, most often."""
    return float(np.median(KDTree(cloud).query(cloud, k=2)[0][:, 1])) if len(cloud) > 1 else 0.01


def _best_azimuth(cloud: NDArray, radius: float, scene: NDArray) -> float:
    """The direction from which most points of a cloud are seen."""
    views = [Viewpoint.around(scene, azimuth, _ELEVATION, *_TRIAL) for azimuth in _AZIMUTHS]
    return float(_AZIMUTHS[int(np.argmax([visible_points(cloud, radius, view) for view in views]))])


def _dimmed(colour: Rgb) -> Rgb:
    red, green, blue = ((value + dark) // 2 for value, dark in zip(colour, palette.BLACK, strict=True))
    return red, green, blue
