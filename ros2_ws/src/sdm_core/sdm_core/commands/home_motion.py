"""The way home: a slow, straight motion from where the robot stands, told in chunks as a policy's is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_space import CommandSpace, is_motion
from sdm_core.contract import ActionSpec, Contract
from sdm_core.errors import ContractError

Vector = NDArray[np.float64]

# Greatest velocity, acceleration and jerk of s(x) = 10 x³ - 15 x⁴ + 6 x⁵ on [0, 1].
_PEAKS = (1.875, 10 / np.sqrt(3), 60.0)

# A quaternion written with two or three digits has a norm this near to 1.
_ROUNDED = 1e-2
# Nearer than this the robot is at home (m, rad); it is not waited for longer.
_ARRIVED = 1e-6
_PATIENCE_NS = 1_000_000_000


def home_parameter(action: ActionSpec) -> str:
    """The parameter of command_node that says where the home of such actions is; empty for kinds that know none."""
    if not is_motion(action):
        return ""
    return "home_joints" if action.kind == "joint_position" else "home_pose"


def home_command(contract: Contract, values: Sequence[float]) -> Vector:
    """float64[A] of the home that the contract's parameter gives as values of all entries but grippers, which are NaN:
    they stay as they are. m and a quaternion xyzw of poses, rad of joints.

    Raises ContractError where the contract's actions know no home, or the values are none of it, or out of its bounds,
    or a pose's quaternion is not of length 1; rounded in the last digits it is normalised.
    """
    entries, kind = contract.action.entries, contract.action.kind
    parameter = home_parameter(contract.action)
    if not parameter:
        raise ContractError(f"actions of kind '{kind}' know no home; only poses and joint positions have one")
    arm = [index for index, entry in enumerate(entries) if not entry.is_gripper]
    if len(values) != len(arm):
        names = ", ".join(entries[index].name for index in arm)
        raise ContractError(f"{parameter} has {len(values)} values, the '{kind}' action {len(arm)}: {names}")
    home = np.full(len(entries), np.nan)
    home[arm] = values
    rotation = CommandSpace(contract.action).rotation
    if rotation:
        norm = float(np.linalg.norm(home[rotation]))
        if not abs(norm - 1.0) <= _ROUNDED:
            raise ContractError(
                f"{parameter} has the quaternion {home[rotation].tolist()} of norm {norm:.3g}; "
                "give x, y, z, w of norm 1"
            )
        home[rotation] /= norm
    for index in arm:
        entry = entries[index]
        if not entry.low <= home[index] <= entry.high:
            raise ContractError(
                f"{parameter}: {entry.name} = {home[index]} is outside [{entry.low}, {entry.high}]; move it inside"
            )
    return home


class HomeMotion:
    """Minimum-jerk motion along the straight line (and great arc), at `share` of the contract's limits at most.

    Its chunks go through scheduler, smoother and gate as any other's. It goes on by periods and not by the clock: where
    one is late, nothing is caught up at a greater speed.
    """

    def __init__(self, contract: Contract, start: Vector, home: Vector, share: float, period_ns: int) -> None:
        """`contract` of absolute targets; `start`, `home` float64[A]; `share` of the limits in (0, 1].

        NaN entries of `home` stay as at the start.
        """
        self._space = CommandSpace(contract.action)
        self._home = self._space.normalised(np.where(np.isnan(home), start, home))
        self._share = share
        self._dt_ns, self._period_ns = contract.dt_ns, period_ns
        # As long as a policy's chunk, but longer than the step after which whoever plans ahead asks again.
        self._rows = max(max(contract.horizon, 2) * contract.dt_ns // period_ns, 2)
        self.begin(start)

    def begin(self, start: Vector) -> None:
        """From rest at `start` (float64[A]): also where the robot has come to rest on its way."""
        self._start = self._space.normalised(start)
        self._elapsed_ns = 0
        self.duration_ns = int(self._seconds(self._share) * 1e9)

    def over(self, command: Vector) -> bool:
        """Whether `command` has come home; or should have, a second ago."""
        late_ns = self._elapsed_ns - self.duration_ns
        distance = np.abs(self._space.difference(command, self._home)).max()
        return late_ns >= 0 and (distance < _ARRIVED or late_ns >= _PATIENCE_NS)

    @property
    def step(self) -> int:
        """How many control periods have gone by: whoever plans ahead need not do so in between."""
        return self._elapsed_ns // self._dt_ns

    def chunk(self, now_ns: int, ahead: int = 0, rows: int | None = None) -> ActionChunk:
        """The targets of so many periods from `ahead` on, by default of as many as a policy's chunk lasts, stamped
        `now_ns`; beyond the end they stay at home."""
        times = self._elapsed_ns + self._period_ns * (ahead + np.arange(rows or self._rows))
        shares = np.clip(times / max(self.duration_ns, 1), 0.0, 1.0)
        progress = shares**3 * (10 - 15 * shares + 6 * shares**2)
        targets = np.stack([self._space.interpolate(self._start, self._home, share) for share in progress])
        return ActionChunk(now_ns, self._period_ns, targets, 0)

    def go_on(self, periods: int = 1) -> None:
        """So many periods of the motion go by."""
        self._elapsed_ns += periods * self._period_ns

    def _seconds(self, share: float) -> float:
        distance = np.abs(self._space.difference(self._start, self._home))
        limits = (self._space.max_velocity, self._space.max_acceleration, self._space.max_jerk)
        times = [
            (peak * distance / (share * limit)) ** (1 / order)
            for order, (peak, limit) in enumerate(zip(_PEAKS, limits, strict=True), start=1)
        ]
        return float(np.max(times))
