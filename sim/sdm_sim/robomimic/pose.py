"""Where something is, and how it is turned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """A position float64[3] in m and a rotation: of a frame in another one, the world where nothing else is said."""

    position: Vector
    rotation: Rotation

    def __mul__(self, other: Pose) -> Pose:
        """The pose of what has pose `other` in this frame."""
        return Pose(self.position + self.rotation.apply(other.position), self.rotation * other.rotation)

    def inverse(self) -> Pose:
        """The pose of the outer frame in this one."""
        back = self.rotation.inv()
        return Pose(-back.apply(self.position), back)

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Pose:
        """The pose farther along the outer frame's axes (m)."""
        return Pose(self.position + np.array([x, y, z]), self.rotation)

    def turned(self, rotation: Rotation) -> Pose:
        """The same place with another rotation."""
        return Pose(self.position, rotation)
