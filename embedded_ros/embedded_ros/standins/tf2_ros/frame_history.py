"""The pose of one frame in its parent, over time."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tf2_ros.exceptions import ExtrapolationException

_NANOSECONDS = 1_000_000_000


class Pose(NamedTuple):
    """p_parent = R(rotation) p_child + translation, in metres; rotation is a unit quaternion x, y, z, w."""

    translation: np.ndarray
    rotation: np.ndarray

    def __matmul__(self, inner: Pose) -> Pose:  # type: ignore[override]
        return Pose(
            self.translation + rotate(self.rotation, inner.translation), multiply(self.rotation, inner.rotation)
        )

    def inverse(self) -> Pose:
        rotation = self.rotation * (-1.0, -1.0, -1.0, 1.0)
        return Pose(-rotate(rotation, self.translation), rotation)


IDENTITY = Pose(np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0]))


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The quaternion product a b, both x, y, z, w."""
    return np.concatenate((a[3] * b[:3] + b[3] * a[:3] + np.cross(a[:3], b[:3]), [a[3] * b[3] - a[:3] @ b[:3]]))


def rotate(rotation: np.ndarray, vector: np.ndarray) -> np.ndarray:
    twice = 2.0 * np.cross(rotation[:3], vector)
    return vector + rotation[3] * twice + np.cross(rotation[:3], twice)


def interpolate(a: Pose, b: Pose, ratio: float) -> Pose:
    """From a (ratio 0) to b (1): translation linearly, rotation along the shorter great arc (slerp)."""
    cosine = float(a.rotation @ b.rotation)
    target = b.rotation if cosine >= 0.0 else -b.rotation
    angle = np.arccos(min(abs(cosine), 1.0))
    if angle < 1e-6:
        # The arc is a chord there, and the sines would divide 0 by 0.
        rotation = (1.0 - ratio) * a.rotation + ratio * target
    else:
        rotation = (np.sin((1.0 - ratio) * angle) * a.rotation + np.sin(ratio * angle) * target) / np.sin(angle)
    translation = (1.0 - ratio) * a.translation + ratio * b.translation
    return Pose(translation, rotation / np.linalg.norm(rotation))


@dataclass
class FrameHistory:
    """Poses sorted by stamp (nanoseconds), or a single one that holds at all times (`static`)."""

    parent: str
    static: bool
    stamps: list[int] = field(default_factory=list)
    poses: list[Pose] = field(default_factory=list)

    def insert(self, stamp: int, pose: Pose, keep: int) -> None:
        """Add a pose; those more than `keep` nanoseconds older than the newest are forgotten."""
        if self.static:
            self.stamps, self.poses = [stamp], [pose]
            return
        at = bisect.bisect_left(self.stamps, stamp)
        if at < len(self.stamps) and self.stamps[at] == stamp:
            self.poses[at] = pose
            return
        self.stamps.insert(at, stamp)
        self.poses.insert(at, pose)
        expired = bisect.bisect_left(self.stamps, self.stamps[-1] - keep)
        del self.stamps[:expired], self.poses[:expired]

    def at(self, stamp: int) -> Pose:
        """The pose at a time, interpolated; ExtrapolationException outside of the history."""
        if self.static:
            return self.poses[0]
        after = bisect.bisect_left(self.stamps, stamp)
        if after < len(self.stamps) and self.stamps[after] == stamp:
            return self.poses[after]
        if 0 < after < len(self.stamps):
            begin, end = self.stamps[after - 1], self.stamps[after]
            return interpolate(self.poses[after - 1], self.poses[after], (stamp - begin) / (end - begin))
        requested = f"{stamp / _NANOSECONDS:.6f}"
        if len(self.stamps) == 1:
            raise ExtrapolationException(
                f"Lookup would require extrapolation at time {requested}, "
                f"but only time {self.stamps[0] / _NANOSECONDS:.6f} is in the buffer"
            )
        direction, edge, limit = ("past", "earliest", 0) if after == 0 else ("future", "latest", -1)
        raise ExtrapolationException(
            f"Lookup would require extrapolation into the {direction}.  Requested time {requested} "
            f"but the {edge} data is at time {self.stamps[limit] / _NANOSECONDS:.6f}"
        )
