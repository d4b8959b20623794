"""The geometry of a command: which entries are linear, which four are a rotation, and what bounds them.

A command is a vector float64[A]. Its differences live in a tangent space of D axes: one for every linear entry and
three (a rotation vector in the base frame, rad) for a quaternion. All motion limits are enforced on those axes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sdm_core.contract import ActionSpec
from sdm_core.errors import CommandError, ContractError

Vector = NDArray[np.float64]

MOTION_KINDS = ("ee_pose", "ee_delta", "joint_position")
RATE_KINDS = ("twist", "joint_velocity")
_DERIVATIVES = ("max_velocity", "max_acceleration", "max_jerk")
_QUATERNION = ("qx", "qy", "qz", "qw")


def is_motion(spec: ActionSpec) -> bool:
    """Whether a command is a place to be, held by staying there, and not a rate or the environment's own command."""
    return spec.kind in MOTION_KINDS


def is_rate(spec: ActionSpec) -> bool:
    """Whether a command is a velocity: it moves the robot for as long as it stands, and the hold must end it."""
    return spec.kind in RATE_KINDS


def require_motion_limits(spec: ActionSpec) -> None:
    """Raises ContractError naming the entries that could move without limit; a gripper alone may."""
    limits = _DERIVATIVES[1:] if is_rate(spec) else _DERIVATIVES
    free = [
        entry.name
        for entry in spec.entries
        if not entry.is_gripper and any(getattr(entry, limit) is None for limit in limits)
    ]
    if free:
        raise ContractError(
            f"action {', '.join(free)}: no {', '.join(limits)}, so the arm could move without limit; "
            f"set {'both' if len(limits) == 2 else 'all three'} in the contract"
        )


def held_command(spec: ActionSpec, last: Vector) -> Vector:
    """The command float64[A] that keeps a robot where `last` left it: the contract's hold, where it has one."""
    if not spec.hold:
        return last
    return np.array([kept if value is None else value for value, kept in zip(spec.hold, last, strict=True)])


class CommandSpace:
    """Differences, steps and limits of the commands of one ActionSpec.

    `low`/`high` bound the A entries, but not a quaternion's, which is normalised instead; `max_velocity`,
    `max_acceleration`, `max_jerk` bound the D axes, infinite where the contract names none. The quaternion's limit
    (rad/s, …; the smallest of its four entries) bounds the norm: each of its three axes gets 1/√3 of it.

    A rate's own first and second derivative are the motion's acceleration and jerk: the contract's limits of these are
    `max_velocity` and `max_acceleration` of its axes, and its `max_jerk` is infinite.
    """

    def __init__(self, spec: ActionSpec) -> None:
        self.spec = spec
        entries = spec.entries
        self.low = np.array([entry.low for entry in entries])
        self.high = np.array([entry.high for entry in entries])
        self.rotation = self._rotation_slice()
        if self.rotation:
            self.low[self.rotation], self.high[self.rotation] = -math.inf, math.inf
        rotation = range(len(entries))[self.rotation] if self.rotation else range(0)
        self.linear = np.array([i for i in range(len(entries)) if i not in rotation], dtype=np.intp)
        self.dim = len(self.linear) + (3 if self.rotation else 0)
        limits = [self._axis_limits(field) for field in _DERIVATIVES]
        if is_rate(spec):
            limits = [*limits[1:], np.full(self.dim, math.inf)]
        self.max_velocity, self.max_acceleration, self.max_jerk = limits

    def _rotation_slice(self) -> slice | None:
        if self.spec.rotation == "none":
            return None
        names = [entry.name for entry in self.spec.entries]
        for start in range(len(names) - 3):
            if all(name.endswith(part) for name, part in zip(names[start : start + 4], _QUATERNION, strict=True)):
                return slice(start, start + 4)
        raise CommandError(f"rotation 'quaternion_xyzw' needs entries ending in qx, qy, qz, qw; the action has {names}")

    def _axis_limits(self, field: str) -> Vector:
        values = np.array([getattr(entry, field) or math.inf for entry in self.spec.entries])
        linear = values[self.linear]
        if self.rotation is None:
            return linear
        return np.concatenate([linear, np.full(3, values[self.rotation].min() / math.sqrt(3))])

    def axis_bounds(self) -> tuple[Vector, Vector]:
        """`low`, `high` of the D axes; rotations are unbounded."""
        if self.rotation is None:
            return self.low, self.high
        free = np.full(3, math.inf)
        return np.concatenate([self.low[self.linear], -free]), np.concatenate([self.high[self.linear], free])

    def axis_positions(self, command: Vector) -> Vector:
        """The linear entries, then zeros for the rotation's axes (unbounded, so that only their differences matter)."""
        return command if self.rotation is None else np.concatenate([command[self.linear], np.zeros(3)])

    def outside(self, command: Vector) -> NDArray[np.intp]:
        """The indices of its entries that are not within their bounds."""
        return np.flatnonzero(~((command >= self.low) & (command <= self.high)))

    def clipped(self, command: Vector) -> Vector:
        """`command` with each entry at its nearest place within its bounds."""
        return np.clip(command, self.low, self.high)

    def normalised(self, command: Vector) -> Vector:
        """`command` with a unit quaternion; NaN where the quaternion has no direction."""
        if self.rotation is None:
            return command
        result = command.copy()
        norm = math.hypot(*command[self.rotation])
        result[self.rotation] = command[self.rotation] / norm if 1e-6 < norm < math.inf else math.nan
        return result

    def difference(self, start: Vector, end: Vector) -> Vector:
        """The step float64[D] that leads from `start` to `end`; rotations take the shorter way."""
        if self.rotation is None:
            return end - start
        turn = rotation_vector(multiply(end[self.rotation], conjugate(start[self.rotation])))
        return np.concatenate([end[self.linear] - start[self.linear], turn])

    def advance(self, start: Vector, step: Vector) -> Vector:
        """`start` moved by `step` float64[D]."""
        if self.rotation is None:
            return start + step
        result = start.copy()
        result[self.linear] += step[:-3]
        result[self.rotation] = multiply(quaternion(step[-3:]), start[self.rotation])
        return self.normalised(result)

    def interpolate(self, start: Vector, end: Vector, fraction: float) -> Vector:
        """Linear between the two, spherical for the quaternion."""
        return self.advance(start, fraction * self.difference(start, end))

    def mean(self, commands: NDArray[np.float64], weights: Vector) -> Vector:
        """Weighted mean of float64[K, A]; quaternions are aligned in sign, averaged and normalised."""
        if self.rotation is not None:
            commands = commands.copy()
            signs = np.sign(commands[:, self.rotation] @ commands[-1, self.rotation])
            commands[:, self.rotation] *= np.where(signs == 0, 1, signs)[:, None]
        return self.normalised(weights @ commands / weights.sum())


def multiply(a: Vector, b: Vector) -> Vector:
    """The Hamilton product of two quaternions xyzw: rotation `b`, then `a`."""
    return np.array(hamilton_product(a, b))


def hamilton_product(a: Iterable[float], b: Iterable[float]) -> tuple[float, float, float, float]:
    """See multiply; in plain numbers."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def conjugate(q: Vector) -> Vector:
    """The inverse of a unit quaternion xyzw."""
    return q * np.array([-1.0, -1.0, -1.0, 1.0])


def quaternion(vector: Vector) -> Vector:
    """The quaternion xyzw of a rotation vector (axis times angle, rad)."""
    angle = float(np.linalg.norm(vector))
    # sin(x)/x by its series near zero, where the quotient loses all digits
    factor = 0.5 - angle**2 / 48 if angle < 1e-4 else math.sin(angle / 2) / angle
    return np.array([*(factor * vector), math.cos(angle / 2)])


def rotation_vector(q: Vector) -> Vector:
    """The rotation vector (rad, at most π long) of a unit quaternion xyzw."""
    if q[3] < 0:
        q = -q
    sine = float(np.linalg.norm(q[:3]))
    factor = 2.0 if sine < 1e-9 else 2 * math.atan2(sine, q[3]) / sine
    return factor * q[:3]
