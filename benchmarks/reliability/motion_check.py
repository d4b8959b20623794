"""Whether a recorded stream of commands keeps the limits: from the messages alone, with none of the stack's code."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Vector = NDArray[np.float64]

# Third differences of published numbers carry rounding of about 1e-16 / period³: shares of a limit that count as none.
ROUNDING = 1e-4
# After so much silence the arm stands: a stream begins anew at rest, and where the last one ended.
SILENCE_S = 0.1


@dataclass(frozen=True)
class Limits:
    """Of a tool: a box (m); greatest velocity, acceleration and jerk of each axis (m/s …) and of its turn (rad/s …)."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    translation: tuple[float, float, float]
    rotation: tuple[float, float, float]


def violations(poses: Sequence[Vector], arrivals: Sequence[float], period_s: float, limits: Limits) -> dict[str, int]:
    """How many of the poses float64[7] (xyz, quaternion xyzw), one a period, break each limit; `arrivals` in s. What
    is not finite, or not turned by a unit quaternion, is broken too."""
    counts = {"finite": 0, "workspace": 0, "velocity": 0, "acceleration": 0, "jerk": 0}
    values = np.array(poses).reshape(-1, 7)
    sound = np.isfinite(values).all(1) & (np.abs(np.linalg.norm(values[:, 3:], axis=1) - 1.0) < 1e-6)
    counts["finite"] = int((~sound).sum())
    values, times = values[sound], np.array(arrivals)[sound]
    low, high = np.array(limits.low), np.array(limits.high)
    counts["workspace"] = int(((values[:, :3] < low - 1e-9) | (values[:, :3] > high + 1e-9)).any(1).sum())
    stretches = np.split(values, np.flatnonzero(np.diff(times) > SILENCE_S) + 1)
    for before, after in itertools.pairwise(stretches):
        counts["velocity"] += _motion(np.array([before[-1], after[0]]), period_s, limits)["velocity"]
    for stretch in stretches:
        for name, over in _motion(stretch, period_s, limits).items():
            counts[name] += over
    return counts


def _motion(values: Vector, period_s: float, limits: Limits) -> dict[str, int]:
    """Of one stretch without silence: how many differences are beyond their limit."""
    turns = Rotation.from_quat(values[:, 3:])
    linear = np.diff(values[:, :3], axis=0) / period_s
    turning = (turns[1:] * turns[:-1].inv()).as_rotvec() / period_s if len(values) > 1 else np.zeros((0, 3))
    counts = {}
    for order, name in enumerate(("velocity", "acceleration", "jerk")):
        beyond = (np.abs(linear) > limits.translation[order] * (1 + ROUNDING)).any(1)
        beyond |= np.linalg.norm(turning, axis=1) > limits.rotation[order] * (1 + ROUNDING)
        counts[name] = int(beyond.sum())
        linear, turning = np.diff(linear, axis=0) / period_s, np.diff(turning, axis=0) / period_s
    return counts
