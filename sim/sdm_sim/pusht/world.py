"""PushT's world: a disc pushes a T-shaped block on a table towards a fixed pose, in the plane.

Geometry and physics are those of Diffusion Policy's environment (Chi et al., 2023), with which its human demonstrations
were recorded: replaying their actions here gives their states. Lengths in mm, which are that environment's pixels;
x points right and y down in its picture; angles in rad, from x to y.
"""

from __future__ import annotations

import numpy as np
import pymunk
from numpy.typing import NDArray

SIZE = 512.0
DISC_RADIUS = 15.0
# The block's two convex parts in its own frame, float64[4,2] each: the bar and the stem.
BAR = np.array([(-60.0, 30.0), (60.0, 30.0), (60.0, 0.0), (-60.0, 0.0)])
STEM = np.array([(-15.0, 30.0), (-15.0, 120.0), (15.0, 120.0), (15.0, 30.0)])
GOAL = (256.0, 256.0, np.pi / 4)
WALL_LOW, WALL_HIGH, WALL_RADIUS = 5.0, 506.0, 2.0

CONTROL_HZ = 10.0
_TIMESTEP, _SUBSTEPS = 0.01, 10
# The disc follows its target as a critically damped spring does: 1/s² and 1/s.
_STIFFNESS, _DAMPING = 100.0, 20.0


class PushTWorld:
    """The moving parts. Its state is float64[5]: the disc's x, y, the block's x, y and angle in [0, 2π)."""

    def __init__(self) -> None:
        self.reset(np.array([256.0, 400.0, 256.0, 300.0, 0.0]))

    def reset(self, state: NDArray[np.float64]) -> None:
        """A new world at rest in exactly this state."""
        self._build()
        disc_x, disc_y, block_x, block_y, angle = state.tolist()
        self._disc.position = disc_x, disc_y
        # The angle turns the block about its centre of mass, and so displaces it: first the angle, then the place.
        self._block.angle = angle
        self._block.position = block_x, block_y

    def reset_seeded(self, seed: int) -> None:
        """The start that Diffusion Policy's environment gives this seed."""
        self._build()
        rng = np.random.RandomState(seed)  # theirs, old as it is: the same seeds give the same starts
        self._disc.position = float(rng.randint(50, 450)), float(rng.randint(50, 450))
        # In their order, by which the turn displaces the block, and with their step, which parts what overlaps.
        self._block.position = float(rng.randint(100, 400)), float(rng.randint(100, 400))
        self._block.angle = float(rng.randn() * 2 * np.pi - np.pi)
        self._space.step(_TIMESTEP)

    def step(self, target: NDArray[np.float64]) -> None:
        """One control period: the disc follows its target float64[2]."""
        goal = pymunk.Vec2d(*target.tolist())
        for _ in range(_SUBSTEPS):
            pull = _STIFFNESS * (goal - self._disc.position) - _DAMPING * self._disc.velocity
            self._disc.velocity += pull * _TIMESTEP
            self._space.step(_TIMESTEP)

    @property
    def state(self) -> NDArray[np.float64]:
        return np.array([*self._disc.position, *self._block.position, self._block.angle % (2 * np.pi)])

    def coverage(self) -> float:
        """The share of the goal's area that the block covers."""
        return coverage(self.state[2:])

    def _build(self) -> None:
        self._space = pymunk.Space()
        self._space.damping = 0.0  # nothing slides on: friction with the table stops it at once
        low, high = WALL_LOW, WALL_HIGH
        corners = [(low, low), (high, low), (high, high), (low, high)]
        for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
            self._space.add(pymunk.Segment(self._space.static_body, start, end, WALL_RADIUS))
        self._disc = pymunk.Body(body_type=pymunk.Body.KINEMATIC)
        self._space.add(self._disc, pymunk.Circle(self._disc, DISC_RADIUS))
        # Theirs: the stem counts with the bar's moment of inertia, and both parts weigh alike.
        self._block = pymunk.Body(1.0, 2 * pymunk.moment_for_poly(1.0, BAR.tolist()))
        bar, stem = (pymunk.Poly(self._block, part.tolist()) for part in (BAR, STEM))
        self._block.center_of_gravity = (bar.center_of_gravity + stem.center_of_gravity) / 2
        self._space.add(self._block, bar, stem)


def block_parts(pose: NDArray[np.float64] | tuple[float, float, float]) -> list[NDArray[np.float64]]:
    """The block's two convex parts, float64[4,2] each, where its x, y, angle put them."""
    x, y, angle = pose
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return [part @ turn.T + (x, y) for part in (BAR, STEM)]


def coverage(block: NDArray[np.float64] | tuple[float, float, float]) -> float:
    """The share of the goal's area that a block at x, y, angle covers; a block's own parts do not overlap."""
    shared = sum(area(clip(part, goal)) for part in block_parts(block) for goal in block_parts(GOAL))
    return shared / (area(BAR) + area(STEM))


def clip(polygon: NDArray[np.float64], window: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part [K,2] of a convex polygon within a convex window, both turning the same way (Sutherland and Hodgman)."""
    turn = np.sign(_cross(window[1] - window[0], window[2] - window[1]))
    for corner, following in zip(window, np.roll(window, -1, axis=0), strict=True):
        if not len(polygon):
            break
        side = turn * _cross(following - corner, polygon - corner)
        kept: list[NDArray[np.float64]] = []
        for index, (point, inside) in enumerate(zip(polygon, side, strict=True)):
            before = side[index - 1]
            if (before >= 0) != (inside >= 0):
                kept.append(polygon[index - 1] + (point - polygon[index - 1]) * before / (before - inside))
            if inside >= 0:
                kept.append(point)
        polygon = np.array(kept).reshape(-1, 2)
    return polygon


def area(polygon: NDArray[np.float64]) -> float:
    """The area of a simple polygon [K,2]."""
    return 0.5 * abs(float(_cross(polygon, np.roll(polygon, -1, axis=0)).sum()))


def _cross(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
