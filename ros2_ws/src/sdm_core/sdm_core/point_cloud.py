"""From depth images or raw clouds to the network's cloud: deproject, transform, crop, join, farthest-point sample.

This is the only implementation: recording, training data, simulation and the live node all call `CloudPipeline`, so
that the same depth image gives the same cloud, bit for bit, everywhere. Depth is never resized; each camera's points
are cropped, and then those of all cameras are sampled together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import fpsample
import numpy as np
from numpy.typing import NDArray

from sdm_core.contract import XYZ, CloudSpec, Vector3
from sdm_core.errors import ObservationError

# Of the sampler's k-d tree: 2^5 leaves are fastest for some thousand points. It settles which point `start` is, and so
# the sample: another height needs another PREPROCESSING_VERSION.
_TREE_HEIGHT = 5
# Pixels are chosen in a box that is wider by this much (m), far more than single precision can err, before the crop.
_BOX_MARGIN = 1e-4
DEPTH_DTYPES = {"16UC1": np.uint16, "32FC1": np.float32}


@dataclass(frozen=True)
class Intrinsics:
    """Pinhole camera without distortion: focal lengths and principal point in pixels, image size in pixels."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    @classmethod
    def from_k(cls, k: NDArray[np.float64] | list[float], width: int, height: int) -> Intrinsics:
        """From CameraInfo's row-major 3×3 matrix. Raises ObservationError where the focal length is not positive."""
        fx, _, cx, _, fy, cy, *_ = (float(value) for value in k)
        if not (fx > 0 and fy > 0):
            raise ObservationError(f"camera_info has focal lengths {fx}, {fy}; publish the calibrated intrinsics")
        return cls(fx, fy, cx, cy, width, height)


@dataclass(frozen=True)
class Extrinsics:
    """Pose of the camera's optical frame in the base frame, in m: p_base = R(quaternion) · p_camera + translation."""

    quaternion_xyzw: tuple[float, float, float, float]
    translation: tuple[float, float, float]
    rotation: NDArray[np.float32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        x, y, z, w = self.quaternion_xyzw
        norm = np.sqrt(x * x + y * y + z * z + w * w)
        if not 0.99 < norm < 1.01:
            raise ObservationError(f"camera pose has a quaternion of norm {norm:.3f}; tf must hold unit quaternions")
        x, y, z, w = (value / norm for value in (x, y, z, w))
        rotation = [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
        object.__setattr__(self, "rotation", np.asarray(rotation, np.float32))

    def apply(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Transforms float32[M,3] points from the camera's optical frame to the base frame."""
        return points @ self.rotation.T + np.asarray(self.translation, np.float32)


def depth_to_metres(image: NDArray, encoding: str) -> NDArray[np.float32]:
    """Depth float32[H,W] in metres, 0 where invalid, from a 16UC1 (millimetres) or 32FC1 (metres) image."""
    if encoding not in DEPTH_DTYPES:
        raise ObservationError(f"depth encoding '{encoding}' is not supported; publish 16UC1 (mm) or 32FC1 (m)")
    if image.dtype != DEPTH_DTYPES[encoding]:
        raise ObservationError(
            f"depth encoding '{encoding}' holds {DEPTH_DTYPES[encoding].__name__}, not {image.dtype}"
        )
    if encoding == "16UC1":
        return image.astype(np.float32) * np.float32(1e-3)
    return np.where(np.isfinite(image) & (image > 0), image, np.float32(0))


@lru_cache(maxsize=8)
def _rays(intrinsics: Intrinsics) -> NDArray[np.float32]:
    """float32[H·W,3]: for each pixel the point of its ray at depth 1 m."""
    u, v = np.meshgrid(np.arange(intrinsics.width), np.arange(intrinsics.height))
    x, y = (u - intrinsics.cx) / intrinsics.fx, (v - intrinsics.cy) / intrinsics.fy
    return np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3).astype(np.float32)


def deproject(
    depth: NDArray[np.float32], intrinsics: Intrinsics, pixels: NDArray[np.intp] | None = None
) -> NDArray[np.float32]:
    """The `pixels` (row by row; None: the valid ones, > 0) of depth float32[H,W] in metres as points float32[M,3] of
    the optical frame, in order."""
    _require_size(depth, intrinsics)
    flat = depth.ravel()
    chosen = np.flatnonzero(flat > 0) if pixels is None else pixels
    return _rays(intrinsics)[chosen] * flat[chosen, None]


def _require_size(depth: NDArray, intrinsics: Intrinsics) -> None:
    if depth.shape != (intrinsics.height, intrinsics.width):
        raise ObservationError(
            f"depth image is {depth.shape[1]}×{depth.shape[0]}, camera_info says "
            f"{intrinsics.width}×{intrinsics.height}; both must come from one stream"
        )


@lru_cache(maxsize=8)
def _box_depths(
    intrinsics: Intrinsics, extrinsics: Extrinsics, low: Vector3, high: Vector3
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """float32[H,W] each: from which depth to which (m) a pixel's ray runs through the box of the base frame, a little
    widened. The first exceeds the second where it misses the box.

    They are made once for a camera that stands still; then a comparison finds the few pixels worth deprojecting.
    """
    near = np.full((intrinsics.height, intrinsics.width), np.finfo(np.float32).tiny, np.float32)
    far = np.full_like(near, np.inf)
    x = ((np.arange(intrinsics.width) - intrinsics.cx) / intrinsics.fx).astype(np.float32)
    y = ((np.arange(intrinsics.height) - intrinsics.cy) / intrinsics.fy).astype(np.float32)[:, None]
    for axis, origin in enumerate(extrinsics.translation):
        along_x, along_y, along_z = extrinsics.rotation[axis]
        slope = along_x * x + (along_y * y + along_z)  # metres along the axis for each metre of depth
        slope[slope == 0] = np.finfo(np.float32).tiny
        first = np.float32(low[axis] - _BOX_MARGIN - origin) / slope
        second = np.float32(high[axis] + _BOX_MARGIN - origin) / slope
        np.maximum(near, np.minimum(first, second), out=near)
        np.minimum(far, np.maximum(first, second), out=far)
    return near, far


def crop(points: NDArray, low: Vector3, high: Vector3) -> NDArray:
    """The points [M,C] whose xyz lie within the box (inclusive, same frame); NaN and infinite points fall out."""
    return points[_within(points, low, high)]


def _within(points: NDArray, low: Vector3, high: Vector3) -> NDArray[np.bool_]:
    xyz = points[:, :XYZ]
    return np.logical_and((xyz >= np.asarray(low, points.dtype)).all(1), (xyz <= np.asarray(high, points.dtype)).all(1))


def farthest_point_sample(points: NDArray[np.float32], count: int, start: int = 0) -> NDArray[np.float32]:
    """`count` of the points [M,C], chosen by farthest-point sampling on xyz.

    `start` is the first point's place in the order of the sampler's k-d tree, not its row in `points`.

    Deterministic; the result is in sampling order, so that any prefix is itself a sample. With fewer than `count`
    points all are kept, and zeros fill up (DP3's padding).
    """
    sample = np.zeros((count, points.shape[1]), points.dtype)
    chosen = _farthest(points, count, start)
    sample[: len(chosen)] = points[chosen]
    return sample


def _farthest(points: NDArray[np.float32], count: int, start: int) -> NDArray[np.integer]:
    """The rows that farthest_point_sample chooses, in its order."""
    found = min(len(points), count)
    if len(points) < 2:  # no tree has fewer
        return np.arange(found)
    height = min(_TREE_HEIGHT, len(points).bit_length() - 1)
    xyz = np.ascontiguousarray(points[:, :XYZ])
    return fpsample.bucket_fps_kdline_sampling(xyz, found, h=height, start_idx=min(start, len(points) - 1))


@dataclass(frozen=True, eq=False)
class CameraPoints:
    """One camera's points in the crop box, float32[M,3] in the base frame, and how many it sees in all; `colour`
    [M,3] of each, as it came: uint8, or in [0, 1]. Only the few that are sampled need it in another form."""

    inside: NDArray[np.float32]
    valid: int
    colour: NDArray | None = None


class CloudPipeline:
    """Makes the cloud of a contract's CloudSpec: of one camera, or of several whose points are sampled together."""

    def __init__(self, spec: CloudSpec) -> None:
        self.spec = spec

    def from_depth(
        self,
        image: NDArray,
        encoding: str,
        intrinsics: Intrinsics,
        extrinsics: Extrinsics,
        colour: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.float32]:
        """The cloud float32[points,channels] of one camera's depth image; see `depth_points` and `fuse`."""
        return self.fuse([self.depth_points(image, encoding, intrinsics, extrinsics, colour)])

    def from_points(self, points: NDArray, extrinsics: Extrinsics | None) -> NDArray[np.float32]:
        """The cloud float32[points,channels] of one camera's raw points; see `raw_points` and `fuse`."""
        return self.fuse([self.raw_points(points, extrinsics)])

    def depth_points(
        self,
        image: NDArray,
        encoding: str,
        intrinsics: Intrinsics,
        extrinsics: Extrinsics,
        colour: NDArray[np.uint8] | None = None,
    ) -> CameraPoints:
        """The points of one depth image [H,W] and, where the cloud is coloured, its aligned rgb8 [H,W,3].

        Raises ObservationError on a wrong encoding or size, or a missing colour image.
        """
        depth = depth_to_metres(image, encoding)
        _require_size(depth, intrinsics)
        near, far = _box_depths(intrinsics, extrinsics, self.spec.crop_low, self.spec.crop_high)
        pixels = np.flatnonzero((depth >= near) & (depth <= far))
        points = extrinsics.apply(deproject(depth, intrinsics, pixels))
        inside = _within(points, self.spec.crop_low, self.spec.crop_high)
        rgb = None
        if self.spec.coloured:
            if colour is None or colour.shape != (*depth.shape, 3) or colour.dtype != np.uint8:
                raise ObservationError(
                    f"a colour cloud needs an rgb8 image aligned to depth, {depth.shape[::-1]} pixels"
                )
            rgb = colour.reshape(-1, 3)[pixels[inside]]
        return CameraPoints(points[inside], int(np.count_nonzero(depth)), rgb)

    def raw_points(self, points: NDArray, extrinsics: Extrinsics | None) -> CameraPoints:
        """The points [M,channels] of a camera's optical frame, or of the base frame where there are no extrinsics.

        Points at the origin and those with a non-finite entry are a camera's invalid pixels, and dropped.
        """
        if points.ndim != 2 or points.shape[1] != self.spec.channels:
            raise ObservationError(f"points of shape {points.shape} given, [M,{self.spec.channels}] expected")
        points = np.asarray(points, np.float32)
        points = points[np.isfinite(points).all(1) & points[:, :XYZ].any(1)]
        xyz = points[:, :XYZ] if extrinsics is None else extrinsics.apply(points[:, :XYZ])
        inside = _within(xyz, self.spec.crop_low, self.spec.crop_high)
        return CameraPoints(xyz[inside], len(points), points[inside, XYZ:] if self.spec.coloured else None)

    def fuse(self, cameras: Sequence[CameraPoints]) -> NDArray[np.float32]:
        """The cloud float32[points,channels] of all cameras' points, joined in this order and sampled.

        Raises ObservationError where none of them lies in the crop box.
        """
        inside = np.concatenate([camera.inside for camera in cameras]) if len(cameras) > 1 else cameras[0].inside
        if not len(inside):
            raise ObservationError(
                f"none of {sum(camera.valid for camera in cameras)} valid points lies in the crop box "
                f"{self.spec.crop_low}–{self.spec.crop_high} of '{self.spec.frame}' (m); "
                "check the camera's pose and the box"
            )
        cloud = np.zeros((self.spec.points, self.spec.channels), np.float32)
        chosen = _farthest(inside, self.spec.points, self.spec.start)
        cloud[: len(chosen), :XYZ] = inside[chosen]
        if self.spec.coloured:
            rgb = np.concatenate([camera.colour for camera in cameras if camera.colour is not None])[chosen]
            cloud[: len(chosen), XYZ:] = rgb.astype(np.float32) / 255 if rgb.dtype == np.uint8 else rgb
        return cloud
