"""Whether a recorded stream of commands keeps the limits: from the messages alone, with none of the stack's code."""

from __future__ import annotations

from collections import Counter
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
# Of a silence longer than so many periods and shorter than that nobody can say whether the arm has come to rest.
_SHORT_PERIODS = 2.5
_STANDING = 1e-9


@dataclass(frozen=True)
class Limits:
    """Of a tool: a box (m); greatest velocity, acceleration and jerk of each axis (m/s …) and of its turn (rad/s …)."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    translation: tuple[float, float, float]
    rotation: tuple[float, float, float]


def violations(
    poses: Sequence[Vector], times: Sequence[float], measured: Sequence[Vector], period_s: float, limits: Limits
) -> dict[str, int]:
    """How many of the poses float64[7] (xyz, quaternion xyzw), one a period, break each limit; `times` in s, and where
    the arm was then `measured` to stand. What is not finite, or not turned by a unit quaternion, is broken too.

    A motion begins at rest where the last one ended, or where the arm is measured to stand: nowhere else.
    """
    counts = {"finite": 0, "workspace": 0, "velocity": 0, "acceleration": 0, "jerk": 0}
    values = np.array(poses).reshape(-1, 7)
    sound = np.isfinite(values).all(1) & (np.abs(np.linalg.norm(values[:, 3:], axis=1) - 1.0) < 1e-6)
    counts["finite"] = int((~sound).sum())
    values, seconds, stands = values[sound], np.array(times)[sound], np.array(measured).reshape(-1, 7)[sound]
    low, high = np.array(limits.low), np.array(limits.high)
    counts["workspace"] = int(((values[:, :3] < low - 1e-9) | (values[:, :3] > high + 1e-9)).any(1).sum())
    rested, elsewhere, leaps = _starts(values, seconds, stands, period_s, limits)
    counts["velocity"] += leaps
    broken = _broken(values, rested, elsewhere, period_s, limits)
    silences = np.diff(seconds, prepend=seconds[:1])
    for index in np.flatnonzero((silences > _SHORT_PERIODS * period_s) & (silences <= SILENCE_S)).tolist():
        if_rested = _broken(values, rested | {index}, elsewhere, period_s, limits)
        if sum(if_rested.values()) < sum(broken.values()):
            rested, broken = rested | {index}, if_rested
    return {name: count + broken[name] for name, count in counts.items()}


def _starts(
    values: Vector, seconds: Vector, stands: Vector, period_s: float, limits: Limits
) -> tuple[set[int], set[int], int]:
    """Indices of the poses float64[N,7] with which a motion begins anew, at rest at the pose before or elsewhere; and
    how many of these leap from a silence to where neither a motion ended nor the arm stands."""
    rested, elsewhere, leaps = set(), set(), 0
    for index in beginnings(values, seconds):
        silent = seconds[index] - seconds[index - 1] > SILENCE_S
        if _one_step(values[index - 1], values[index], period_s, limits):
            rested |= {index} if silent else set()
        elif _one_step(stands[index], values[index], period_s, limits):
            elsewhere.add(index)
        elif silent:
            elsewhere.add(index)
            leaps += 1
    return rested, elsewhere, leaps


def _broken(values: Vector, rested: set[int], elsewhere: set[int], period_s: float, limits: Limits) -> Counter[str]:
    """Of poses float64[N,7] where motions begin at these indices: `rested` at the pose before, or `elsewhere`."""
    counts: Counter[str] = Counter()
    starts = sorted({0, *rested, *elsewhere})
    for start, end in zip(starts, [*starts[1:], len(values)], strict=True):
        # Three times the pose before: neither velocity nor acceleration there.
        before = values[start - 1 : start].repeat(3, axis=0) if start in rested else values[:0]
        counts.update(_motion(np.concatenate([before, values[start:end]]), period_s, limits))
    return counts


def beginnings(values: Vector, times: Vector) -> list[int]:
    """Indices of the poses float64[N,7] with which a motion begins anew; their `times` in s."""
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
