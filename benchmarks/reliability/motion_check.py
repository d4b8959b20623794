"""Whether a recorded stream of commands keeps the limits: from the messages alone, with none of the stack's code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Vector = NDArray[np.float64]

# Third differences of published numbers carry rounding of about 1e-16 / period³: shares of a limit that count as none.
ROUNDING = 1e-4
# After so much silence, or after a command that has stood for so long, the arm stands: a motion begins anew, at rest.
SILENCE_S, STOOD_S = 0.1, 0.3
_STANDING = 1e-9


@dataclass(frozen=True)
class Limits:
    """Of a tool: a box (m); greatest velocity, acceleration and jerk of each axis (m/s …) and of its turn (rad/s …)."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    translation: tuple[float, float, float]
    rotation: tuple[float, float, float]


def violations(
    poses: Sequence[Vector], arrivals: Sequence[float], measured: Sequence[Vector], period_s: float, limits: Limits
) -> dict[str, int]:
    """How many of the poses float64[7] (xyz, quaternion xyzw), one a period, break each limit; `arrivals` in s, and
    where the arm was then `measured` to stand. What is not finite, or not turned by a unit quaternion, is broken too.

    A motion begins where the last one ended, or where the arm is measured to stand: nowhere else.
    """
    counts = {"finite": 0, "workspace": 0, "velocity": 0, "acceleration": 0, "jerk": 0}
    values = np.array(poses).reshape(-1, 7)
    sound = np.isfinite(values).all(1) & (np.abs(np.linalg.norm(values[:, 3:], axis=1) - 1.0) < 1e-6)
    counts["finite"] = int((~sound).sum())
    values, times, stands = values[sound], np.array(arrivals)[sound], np.array(measured).reshape(-1, 7)[sound]
    low, high = np.array(limits.low), np.array(limits.high)
    counts["workspace"] = int(((values[:, :3] < low - 1e-9) | (values[:, :3] > high + 1e-9)).any(1).sum())
    begun = beginnings(values, times)
    here = [index for index in begun if _one_step(stands[index], values[index], period_s, limits)]
    silent = [index for index in begun if times[index] - times[index - 1] > SILENCE_S]
    for index in set(silent).difference(here):
        counts["velocity"] += not _one_step(values[index - 1], values[index], period_s, limits)
    for stretch in np.split(values, sorted({*here, *silent})):
        for name, over in _motion(stretch, period_s, limits).items():
            counts[name] += over
    return counts


def beginnings(values: Vector, times: Vector) -> list[int]:
    """Indices of the poses float64[N,7] with which a motion begins anew; `times` of arrival in s."""
    moved = np.abs(np.diff(values, axis=0)).max(axis=1, initial=0.0) > _STANDING
    begun, stands_since = [], times[0] if len(times) else 0.0
    for index in range(1, len(values)):
        silent = times[index] - times[index - 1] > SILENCE_S
        if silent or (moved[index - 1] and times[index - 1] - stands_since > STOOD_S):
            begun.append(index)
        if silent or moved[index - 1]:
            stands_since = times[index]
    return begun


def _one_step(before: Vector, after: Vector, period_s: float, limits: Limits) -> bool:
    """Whether a period's motion leads from one pose to the other."""
    if not np.isfinite(before).all():
        return False
    return _motion(np.array([before, after]), period_s, limits)["velocity"] == 0


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
