"""Which of q and −q, the two quaternions of one orientation, is used: a network sees numbers, not orientations."""

from __future__ import annotations

from collections.abc import Sequence


def canonical(xyzw: Sequence[float]) -> list[float]:
    """Of a quaternion q and −q the one with x > 0; where x is 0 the first of y, z, w that is not 0 is positive.

    It is continuous within half a turn of the tool that points straight down, (1, 0, 0, 0).
    """
    # Not w: of a tool that points down it is near 0, and its sign noise. x is cos(yaw / 2) there, far from 0 for every
    # yaw but half a turn.
    first = next((part for part in xyzw if part != 0), 0.0)
    return [-part for part in xyzw] if first < 0 else list(xyzw)
