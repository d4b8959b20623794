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
_UNDISTORTION_ROUNDS = 10
# Farther than this (pixels) from where it should be, a pixel was not undistorted.
_UNDISTORTION_PIXELS = 0.5
DEPTH_DTYPES = {"16UC1": np.uint16, "32FC1": np.float32}


@dataclass(frozen=True)
class Intrinsics:
    """Pinhole camera: focal lengths and principal point in pixels, image size in pixels, and the `distortion` of its
    lens: k1, k2, p1, p2, k3 of Brown's model, which is plumb_bob in CameraInfo and OpenCV's."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int
    distortion: tuple[float, ...] = (0.0,) * 5

    @classmethod
    def from_camera_info(
        cls, k: Sequence[float], width: int, height: int, d: Sequence[float] = (), distortion_model: str = ""
    ) -> Intrinsics:
        """From CameraInfo's fields. Raises ObservationError where the focal length is not positive, or the lens has
        a distortion that is not plumb_bob's."""
        fx, _, cx, _, fy, cy, *_ = (float(value) for value in k)
        if not (fx > 0 and fy > 0):
            raise ObservationError(f"camera_info has focal lengths {fx}, {fy}; publish the calibrated intrinsics")
        return cls(fx, fy, cx, cy, width, height, _plumb_bob([float(value) for value in d], distortion_model))


def _plumb_bob(d: list[float], model: str) -> tuple[float, ...]:
    """`d` as k1, k2, p1, p2, k3; all zero where `d` is, whatever the model."""
    if not any(d):
        return (0.0,) * 5
    if model != "plumb_bob" or len(d) not in (4, 5) or not np.isfinite(d).all():
        raise ObservationError(
            f"camera_info has the distortion_model '{model}' with coefficients {d}, and only plumb_bob's 4 or 5 can be "
            "undone; publish rectified depth, with a camera_info without distortion"
        )
    return (*d, 0.0)[:5]


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
def _image_plane(intrinsics: Intrinsics) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """float32 x and y, which broadcast to [H,W]: where each pixel's ray meets the plane at depth 1 m."""
    x = (np.arange(intrinsics.width) - intrinsics.cx) / intrinsics.fx
    y = ((np.arange(intrinsics.height) - intrinsics.cy) / intrinsics.fy)[:, None]
    if any(intrinsics.distortion):
        x, y = _undistorted(x, y, intrinsics)
    return x.astype(np.float32), y.astype(np.float32)


def _undistorted(x: NDArray, y: NDArray, intrinsics: Intrinsics) -> tuple[NDArray, NDArray]:
    """Where the lens took the points from that it put at x, y of the plane at depth 1 m: by fixed-point iteration, in
    as many rounds as librealsense makes. Raises ObservationError where it does not get there."""
    from_x, from_y = x, y
    with np.errstate(all="ignore"):  # what does not converge is refused below
        for _ in range(_UNDISTORTION_ROUNDS):
            radial, along_x, along_y = _lens(from_x, from_y, intrinsics.distortion)
            from_x, from_y = (x - along_x) / radial, (y - along_y) / radial
        radial, along_x, along_y = _lens(from_x, from_y, intrinsics.distortion)
        off_x, off_y = from_x * radial + along_x - x, from_y * radial + along_y - y
        off = np.maximum(np.abs(off_x) * intrinsics.fx, np.abs(off_y) * intrinsics.fy)
    if not off.max() < _UNDISTORTION_PIXELS:  # nor NaN
        raise ObservationError(
            f"camera_info's distortion {intrinsics.distortion} cannot be undone in all of the "
            f"{intrinsics.width}×{intrinsics.height} image; calibrate the lens anew, or publish rectified depth"
        )
    return from_x, from_y


def _lens(x: NDArray, y: NDArray, distortion: tuple[float, ...]) -> tuple[NDArray, NDArray, NDArray]:
    """Brown's model, by which a lens puts x, y at (x · radial + along_x, y · radial + along_y)."""
    k1, k2, p1, p2, k3 = distortion
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    return radial, 2 * p1 * x * y + p2 * (r2 + 2 * x * x), p1 * (r2 + 2 * y * y) + 2 * p2 * x * y


@lru_cache(maxsize=8)
def _rays(intrinsics: Intrinsics) -> NDArray[np.float32]:
    """float32[H·W,3]: for each pixel the point of its ray at depth 1 m."""
    x, y = np.broadcast_arrays(*_image_plane(intrinsics))
    return np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3)


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
    x, y = _image_plane(intrinsics)
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
