"""The errors of a stereo depth camera of RealSense's D4xx kind, put onto ideal depth.

This is the only implementation: the simulated cameras, directly driven and behind topics, demonstrations and training
all get their noise here. It acts where such a camera errs, in disparity d = f·B/z: equal errors of d are errors of z
that grow with z². What is taken from RealSense's public documents:

* baseline B = 50 mm, horizontal view 87°, best used at 848×480 (D400 series datasheet): f = 447 px;
* 0.08 px of rms error on textured surfaces, depth in units of 1 mm ("Tuning depth cameras for best performance");
* disparity in steps of 1/32 px ("Subpixel linearity improvement"; librealsense converts by the same 32);
* disparities are sought up to 126 px, so that nothing nearer than f·B/126 = 0.18 m has a depth;
* depth belongs to the left imager: what lies behind an edge for the right one alone is without. The shadow on the left
  of a nearer surface is as wide as the step in disparity;
* 99 % and more of a surface within 2 m has a depth (fill rate, datasheet).

How many pixels beside an edge are lost, and how many fly between its two sides, is published nowhere: a third each. The
errors of neighbouring pixels are independent, which holds where a pixel is as wide as the camera's matching window:
in images of some hundred pixels, as policies see them, rather than at full resolution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdm_core.errors import SdmError
from sdm_core.perception.point_cloud import Extrinsics

_MM_PER_M = 1000.0


@dataclass(frozen=True)
class StereoCamera:
    """A D435, as the module's text has it. Randomness comes from the caller's generator: equal ones, equal images."""

    baseline_m: float = 0.050
    focal_px: float = 848 / 2 / math.tan(math.radians(87 / 2))
    disparity_error_px: float = 0.08
    disparity_step_px: float = 1 / 32
    max_disparity_px: float = 126.0
    unfilled: float = 0.01
    """Share of the pixels that have no depth for no visible reason."""
    edge_px: float = 1.0
    """Where disparity bends by more than this from pixel to pixel, there is an edge; on planes it does not bend."""
    lost_at_edge: float = 1 / 3
    flying_at_edge: float = 1 / 3

    def image(self, depth: NDArray[np.uint16], focal_px: float, random: np.random.Generator) -> NDArray[np.uint16]:
        """The camera's image uint16[H,W] of ideal depth in mm, 0 where it sees none, at the image's focal length."""
        disparity = _inverse(depth.astype(np.float32), self._disparity_at_1m * _MM_PER_M)
        seen = disparity.copy()
        seen[self._hidden_from_the_right(disparity, focal_px)] = 0
        self._blur_edges(disparity, seen, random)
        seen.ravel()[random.integers(0, seen.size, random.binomial(seen.size, self.unfilled))] = 0
        millimetres = _inverse(self._measured(seen, random), self._disparity_at_1m * _MM_PER_M)
        np.rint(millimetres, out=millimetres)
        millimetres[millimetres > np.iinfo(np.uint16).max] = 0
        return millimetres.astype(np.uint16)

    def cloud(
        self, points: NDArray[np.float32], extrinsics: Extrinsics, random: np.random.Generator
    ) -> NDArray[np.float32]:
        """What the camera makes of ideal points [M,C], xyz in the base frame: moved along its rays, some of them lost.

        A sampled cloud does not tell where edges are: these errors are only in `image`.
        """
        centre = np.asarray(extrinsics.translation, np.float32)
        rays = points[:, :3] - centre
        z = (rays @ extrinsics.rotation[:, 2]).astype(np.float32)
        found = _inverse(self._measured(_inverse(z, self._disparity_at_1m), random), self._disparity_at_1m)
        kept = (found > 0) & (random.random(len(points)) >= self.unfilled)
        moved = centre + rays[kept] * (found[kept] / z[kept])[:, None]
        return np.concatenate([moved, points[kept, 3:]], axis=1, dtype=np.float32)

    @property
    def _disparity_at_1m(self) -> float:
        return self.focal_px * self.baseline_m

    def _measured(self, disparity: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
        """Disparities with their error, in their steps; 0 where there were none, or none are sought."""
        step = np.float32(self.disparity_step_px)
        measured = random.standard_normal(disparity.shape, np.float32)
        measured *= np.float32(self.disparity_error_px)
        measured += disparity
        measured /= step
        np.rint(measured, out=measured)
        measured *= step
        measured[(disparity <= 0) | (measured > self.max_disparity_px)] = 0
        return measured

    def _hidden_from_the_right(self, disparity: NDArray[np.float32], focal_px: float) -> NDArray[np.bool_]:
        """Pixels whose point falls, in the right imager, on or beyond that of a pixel to their right."""
        there = disparity * np.float32(-focal_px / self.focal_px)
        there += np.arange(disparity.shape[1], dtype=np.float32)
        nearest = np.minimum.accumulate(there[:, ::-1], axis=1)[:, ::-1]
        hidden = np.zeros(disparity.shape, np.bool_)
        np.greater_equal(there[:, :-1], nearest[:, 1:], out=hidden[:, :-1])
        return hidden

    def _blur_edges(
        self, disparity: NDArray[np.float32], seen: NDArray[np.float32], random: np.random.Generator
    ) -> None:
        """Takes edge pixels out of `seen`, or moves them towards what one of their four neighbours shows."""
        width = disparity.shape[1]
        bent = np.zeros(disparity.shape, np.bool_)
        twice = 2 * disparity[1:-1, 1:-1]
        for before, after in (
            (disparity[1:-1, :-2], disparity[1:-1, 2:]),
            (disparity[:-2, 1:-1], disparity[2:, 1:-1]),
        ):
            bend = before + after
            bend -= twice
            bent[1:-1, 1:-1] |= np.abs(bend, out=bend) > self.edge_px
        edges = np.flatnonzero(bent)
        values, flat = disparity.ravel(), seen.ravel()
        fate = random.random(len(edges), np.float32)
        flat[edges[fate < self.lost_at_edge]] = 0
        flying = edges[(fate >= self.lost_at_edge) & (fate < self.lost_at_edge + self.flying_at_edge)]
        flying = flying[flat[flying] > 0]
        neighbours = flying + random.choice((-1, 1, -width, width), len(flying))
        share = random.random(len(flying), np.float32)
        mixed = values[flying] + share * (values[neighbours] - values[flying])
        flat[flying] = np.where(values[neighbours] > 0, mixed, np.float32(0))


def _inverse(values: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """scale / value, from disparity to depth and back; 0 where there is no positive value."""
    return np.divide(np.float32(scale), values, out=np.zeros_like(values), where=values > 0)


CAMERAS = {"d4xx": StereoCamera()}


def noisy_camera(name: str | None) -> StereoCamera | None:
    """The camera of a setting `camera_noise`; None for none, '' or `none`. Raises SdmError on another name."""
    if name in (None, "", "none"):
        return None
    if name not in CAMERAS:
        raise SdmError(f"camera_noise '{name}' is not known; choose none or {', '.join(CAMERAS)}")
    return CAMERAS[name]
