"""PushT seen from straight above: depth by casting rays at the extruded shapes, and a picture for people.

The world is the table's plane with x to the right and y down, as in the picture, so z points into the table and heights
are negative; the optical frame is parallel to it. Lengths here in m.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from sdm_core.perception.point_cloud import Extrinsics, Intrinsics

from sdm_sim.pusht import world

IMAGE_SIZE = 160
TABLE = world.SIZE / 1000
BLOCK_HEIGHT, DISC_HEIGHT = 0.03, 0.06
_CAMERA_HEIGHT = 1.0
_FOCAL = IMAGE_SIZE * _CAMERA_HEIGHT / TABLE  # the table fills the image

INTRINSICS = Intrinsics(_FOCAL, _FOCAL, IMAGE_SIZE / 2 - 0.5, IMAGE_SIZE / 2 - 0.5, IMAGE_SIZE, IMAGE_SIZE)
EXTRINSICS = Extrinsics((0.0, 0.0, 0.0, 1.0), (TABLE / 2, TABLE / 2, -_CAMERA_HEIGHT))

_WHITE, _GREEN, _GREY, _BLUE = (255, 255, 255), (144, 238, 144), (119, 136, 153), (65, 105, 225)
_WALL = (211, 211, 211)


_Span = tuple[NDArray[np.float64], NDArray[np.float64]]
_SpanOf = Callable[[NDArray[np.float64]], _Span]


def _rays() -> NDArray[np.float64]:
    """float64[H,W,2]: how far each pixel's ray moves in x and y per metre of depth."""
    v, u = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE]
    return np.stack([(u - INTRINSICS.cx) / _FOCAL, (v - INTRINSICS.cy) / _FOCAL], axis=-1)


_RAYS = _rays()
_EYE = np.array(EXTRINSICS.translation[:2])


def depth(state: NDArray[np.float64]) -> NDArray[np.uint16]:
    """The depth image uint16[H,W] in mm of a world in `state` (see PushTWorld)."""
    metres = np.full(_RAYS.shape[:2], _CAMERA_HEIGHT)
    for part in world.block_parts(state[2:]):
        corners = part / 1000
        _draw(metres, corners, BLOCK_HEIGHT, lambda rays, corners=corners: _polygon_span(rays, corners))
    centre, radius = state[:2] / 1000, world.DISC_RADIUS / 1000
    box = centre + radius * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    _draw(metres, box, DISC_HEIGHT, lambda rays: _disc_span(rays, centre, radius))
    return np.rint(1000 * metres).astype(np.uint16)


def _draw(metres: NDArray[np.float64], outline: NDArray[np.float64], height: float, span_of: _SpanOf) -> None:
    """Lowers `metres` [H,W] where rays meet a body of this height, whose footprint lies within `outline` [K,2]."""
    top = _CAMERA_HEIGHT - height
    window = _window(outline, top)
    enter, leave = span_of(_RAYS[window])
    hit = np.maximum(enter, top)
    metres[window] = np.where(hit <= np.minimum(leave, _CAMERA_HEIGHT), np.minimum(hit, metres[window]), metres[window])


def _window(outline: NDArray[np.float64], top: float) -> tuple[slice, slice]:
    """The rows and columns on which a body between depth `top` and the table can be seen."""
    pixels = [
        _FOCAL * (outline - _EYE) / distance + (INTRINSICS.cx, INTRINSICS.cy) for distance in (top, _CAMERA_HEIGHT)
    ]
    low = np.clip(np.floor(np.min(pixels, axis=(0, 1))), 0, IMAGE_SIZE).astype(int)
    high = np.clip(np.ceil(np.max(pixels, axis=(0, 1))) + 1, 0, IMAGE_SIZE).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _polygon_span(rays: NDArray[np.float64], corners: NDArray[np.float64]) -> _Span:
    """Between which depths rays [...,2] are over a convex polygon [K,2]: within all its half-planes."""
    enter, leave = np.zeros(rays.shape[:-1]), np.full(rays.shape[:-1], np.inf)
    middle = corners.mean(0)
    for corner, following in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        edge = following - corner
        outward = np.array([edge[1], -edge[0]])
        outward *= np.sign(outward @ (corner - middle))
        speed, room = rays @ outward, outward @ (corner - _EYE)
        with np.errstate(divide="ignore"):
            crossing = room / speed
        leave = np.where(speed > 0, np.minimum(leave, crossing), leave)
        enter = np.where(speed < 0, np.maximum(enter, crossing), enter)
        leave = np.where((speed == 0) & (room < 0), -np.inf, leave)
    return enter, leave


def _disc_span(rays: NDArray[np.float64], centre: NDArray[np.float64], radius: float) -> _Span:
    """Between which depths rays [...,2] are over a disc: the roots of |eye + depth · ray − centre|² = radius²."""
    offset = _EYE - centre
    # No ray goes straight down: the principal point lies between pixels.
    square, half, rest = (rays**2).sum(-1), rays @ offset, offset @ offset - radius**2
    discriminant = half**2 - square * rest
    root = np.sqrt(np.maximum(discriminant, 0.0))
    return np.where(discriminant < 0, np.inf, (-half - root) / square), (-half + root) / square


def picture(state: NDArray[np.float64], width: int, height: int) -> NDArray[np.uint8]:
    """The world in `state` as rgb8 [H,W,3], with the goal below the block, in Diffusion Policy's colours."""
    side = int(world.SIZE)
    image = Image.new("RGB", (side, side), _WHITE)
    draw = ImageDraw.Draw(image)
    low, high = world.WALL_LOW, world.WALL_HIGH
    draw.rectangle((low, low, high, high), outline=_WALL, width=int(2 * world.WALL_RADIUS))
    for pose, colour in ((world.GOAL, _GREEN), (state[2:], _GREY)):
        for part in world.block_parts(pose):
            draw.polygon([tuple(corner) for corner in part.tolist()], fill=colour)
    x, y, radius = state[0], state[1], world.DISC_RADIUS
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_BLUE)
    return np.asarray(image.resize((width, height), Image.Resampling.BOX if width < side else Image.Resampling.BICUBIC))
