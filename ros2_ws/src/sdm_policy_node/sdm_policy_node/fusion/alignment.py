"""Clouds of several cameras laid over each other, to mend the small errors that calibrations leave between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sdm_core.errors import SdmError

# A point is an outlier where its neighbours are farther on average than those of the rest, by so many deviations.
_NEIGHBOURS, _DEVIATIONS = 20, 2.0
_VOXEL = 0.005
# Points that lie within these distances (m), one after the other, belong together: coarse first, then fine.
_DISTANCES = (0.04, 0.015, 0.006)
_LEAST_OVERLAP = 0.3


@dataclass(frozen=True, eq=False)
class Alignment:
    """`correction` [4,4] moves a camera's points, in the base frame, onto the first one's. `before_mm` and `after_mm`
    are the root mean square distances of those points of both, the share `overlap`, that lie together."""

    correction: NDArray[np.float64]
    before_mm: float
    after_mm: float
    overlap: float


def without_outliers(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """The points [M,3] that have neighbours, without those that float alone, as at the edges of things."""
    _, kept = _cloud(points).remove_statistical_outlier(_NEIGHBOURS, _DEVIATIONS)
    return points[np.asarray(kept, np.intp)]


def align(moving: NDArray[np.float32], fixed: NDArray[np.float32]) -> Alignment:
    """How the points [M,3] of one camera must move to lie on those of another, by iterative closest points (to planes).

    Raises SdmError where they have too little in common.
    """
    registration = _open3d().pipelines.registration
    source, target = (_cloud(without_outliers(points)).voxel_down_sample(_VOXEL) for points in (moving, fixed))
    target.estimate_normals()
    before = registration.evaluate_registration(source, target, _DISTANCES[0])
    correction = np.eye(4)
    for distance in _DISTANCES:
        found = registration.registration_icp(
            source, target, distance, correction, registration.TransformationEstimationPointToPlane()
        )
        correction = np.asarray(found.transformation)
    after = registration.evaluate_registration(source, target, _DISTANCES[0], correction)
    if after.fitness < _LEAST_OVERLAP:
        raise SdmError(
            f"only {after.fitness:.0%} of a camera's points lie near the first one's; point both at the same things, "
            "or calibrate anew"
        )
    return Alignment(correction, before.inlier_rmse * 1000, after.inlier_rmse * 1000, after.fitness)


def _cloud(points: NDArray[np.float32]) -> Any:
    o3d = _open3d()
    return o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points.astype(np.float64)))


def _open3d() -> Any:
    try:
        import open3d  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise SdmError(f"open3d cannot be loaded ({error}); run `pip install 'sdm_policy_node[fusion]'`") from None
    return open3d
