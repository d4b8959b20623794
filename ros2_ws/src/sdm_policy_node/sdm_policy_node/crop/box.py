"""The crop box: what it keeps of a scene, and one that suits it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import CloudSpec, Vector3
from sdm_core.errors import SdmError
from sdm_core.perception.point_cloud import crop

# Points so near (m) to the table's plane are the table's; fewer than this share of all make none.
_LAYER, _LEAST_SHARE = 0.005, 0.1
# A table rises by no more than this; so many planes are tried on so many points.
_LEVEL, _TRIALS, _TRIED_POINTS = 0.2, 300, 3000
# The box begins above the table by its noise, and by this much (m) at least, so that none of it is left.
_ABOVE, _DEVIATIONS = 0.005, 3.0
_HEADROOM, _LEAST_HEIGHT = 0.05, 0.25


@dataclass(frozen=True)
class Box:
    """Corners in m, in the base frame."""

    low: Vector3
    high: Vector3

    @classmethod
    def of(cls, spec: CloudSpec) -> Box:
        """A contract's."""
        return cls(spec.crop_low, spec.crop_high)

    def inside(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """The points [M,3] that lie within."""
        return crop(points, self.low, self.high)

    def lines(self) -> str:
        """As a contract's `cloud` has it."""
        low, high = (", ".join(f"{value:.3f}" for value in corner) for corner in (self.low, self.high))
        return f"crop_low: [{low}]\ncrop_high: [{high}]"


@dataclass(frozen=True)
class Table:
    """A table top: its height (m) in the base frame, the deviation of its points (m), its tilt (degrees), and the box
    from `low` to `high` (m) that it fills on x and y."""

    height: float
    deviation: float
    tilt: float
    low: tuple[float, float]
    high: tuple[float, float]


def find_table(points: NDArray[np.float32]) -> Table:
    """The nearly level plane with the most of the points [M,3] of the base frame, z up. Raises SdmError where there is
    none."""
    plane = _fullest_plane(points.astype(np.float64))
    layer = points[_distances(points, plane) < _LAYER].astype(np.float64) if plane is not None else points[:0]
    if len(layer) < max(3, _LEAST_SHARE * len(points)):
        raise SdmError("no table can be seen: no level plane holds 10 % of the points; check the camera's pose")
    plane, *_ = np.linalg.lstsq(np.column_stack([layer[:, :2], np.ones(len(layer))]), layer[:, 2], rcond=None)
    low, high = np.percentile(layer[:, :2], [1, 99], axis=0)
    return Table(
        height=float(np.median(layer[:, 2])),
        deviation=float(np.sqrt((_distances(layer, plane) ** 2).mean())),
        tilt=float(np.degrees(np.arctan(np.hypot(*plane[:2])))),
        low=(float(low[0]), float(low[1])),
        high=(float(high[0]), float(high[1])),
    )


def _fullest_plane(points: NDArray[np.float64]) -> NDArray | None:
    """z = a·x + b·y + c as [a, b, c], by random sample consensus; None where three points span no level one."""
    random, best, most = np.random.default_rng(0), None, 0
    few = points[random.choice(len(points), min(len(points), _TRIED_POINTS), replace=False)]
    for _ in range(_TRIALS if len(few) >= 3 else 0):
        chosen = few[random.choice(len(few), 3, replace=False)]
        with suppress(np.linalg.LinAlgError):
            plane = np.linalg.solve(np.column_stack([chosen[:, :2], np.ones(3)]), chosen[:, 2])
            held = np.count_nonzero(_distances(few, plane) < _LAYER)
            if np.hypot(*plane[:2]) < _LEVEL and held > most:
                best, most = plane, held
    return best


def _distances(points: NDArray, plane: NDArray) -> NDArray:
    """How far (m) points lie above or below a plane."""
    return np.abs(points[:, 2] - points[:, :2] @ plane[:2] - plane[2])


def suggest(points: NDArray[np.float32], table: Table) -> Box:
    """A box over the table: from just above it to above what stands on it."""
    floor = table.height + max(_ABOVE, _DEVIATIONS * table.deviation)
    on_table = Box((*table.low, floor), (*table.high, floor + 1.0)).inside(points)
    top = float(np.percentile(on_table[:, 2], 99)) + _HEADROOM if len(on_table) else floor
    return Box((*table.low, floor), (*table.high, max(top, table.height + _LEAST_HEIGHT)))
