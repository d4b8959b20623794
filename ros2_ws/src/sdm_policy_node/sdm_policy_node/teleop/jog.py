"""An operator's wish for motion as chunks of absolute targets, such as a policy's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.anchor import MeasuredPose
from sdm_core.commands.command_space import CommandSpace
from sdm_core.contract import Contract
from sdm_core.errors import ContractError

from sdm_policy_node.sinks.pose_sink import is_pose

# Targets of a chunk: a tick or two that come late are bridged, and then the arm stands.
_HORIZON = 4
# The target goes no farther ahead of the arm than this (m, rad): neither a wall nor limits below the operator's speeds
# wind anything up. An arm that lags by 0.15 s needs it for full speed.
_LEAD, _TURN = 0.06, 0.15


@dataclass(frozen=True)
class Speeds:
    """At full deflection: m/s and rad/s."""

    linear: float
    angular: float


class Jog:
    """Keeps a target that begins where the arm is measured to stand, follows the operator, and else stands still."""

    def __init__(self, contract: Contract, speeds: Speeds) -> None:
        """Raises ContractError where the action is no pose with a quaternion, or cannot be measured."""
        action = contract.action
        axes = action.axes
        self._space = CommandSpace(action)
        if not is_pose(action):
            raise ContractError(
                "teleoperation commands 'ee_pose' actions of x, y, z, a quaternion and gripper alone, not "
                f"'{action.kind}' with {axes}"
            )
        self._contract, self._speeds = contract, speeds
        self._pose = MeasuredPose(contract)
        # Where x, y, z are among the axes of a step; the rotation's are its last three.
        self._axes = [self._space.linear.tolist().index(axes.index(axis)) for axis in "xyz"]
        self._gripper = action.gripper_index
        self._target: NDArray[np.float64] | None = None
        self._told: float | None = None
        self._sequence = 0

    @property
    def target(self) -> NDArray[np.float64] | None:
        """Where the arm is sent, float64[A]; None at rest."""
        return self._target

    def start(self, state: NDArray[np.float64]) -> None:
        """Begins where the robot of this state [S] stands; its gripper stays as it was told last, if ever."""
        self._target = self._pose.of(state)
        if self._gripper is not None and self._told is not None:
            self._target[self._gripper] = self._told

    def gripper_told(self, value: float) -> None:
        """What the gripper was told last, whoever led it: what it holds is held on to."""
        self._told = value

    def rest(self) -> None:
        """Commands nothing any more."""
        self._target = None

    def toggle_gripper(self) -> None:
        """Closes an open gripper, and opens a closed one. Nothing happens at rest, or without a gripper."""
        if self._target is None or self._gripper is None:
            return
        entry = self._contract.action.entries[self._gripper]
        closed = self._target[self._gripper] > (entry.low + entry.high) / 2
        self._target[self._gripper] = entry.low if closed else entry.high

    def chunk(self, now_ns: int, state: NDArray[np.float64], twist: NDArray[np.float64]) -> ActionChunk:
        """The next control period's chunk, from `now_ns` on, and the target moved on by that period.

        `twist` [6] in the base frame, linear then angular, is in shares of the speeds; zeros stand still.
        """
        assert self._target is not None, "start first"
        step = np.zeros(self._space.dim)
        step[self._axes] = twist[:3] * self._speeds.linear * self._contract.dt
        step[-3:] = twist[3:] * self._speeds.angular * self._contract.dt
        measured = self._pose.of(state, self._target)
        targets = [self._bounded(self._target, measured)]
        for _ in range(_HORIZON - 1):
            targets.append(self._bounded(self._space.advance(targets[-1], step), measured))
        self._target = targets[1].copy()
        if self._gripper is not None:
            self._told = float(targets[0][self._gripper])
        self._sequence += 1
        return ActionChunk(now_ns, self._contract.dt_ns, np.stack(targets), self._sequence)

    def _bounded(self, target: NDArray[np.float64], measured: NDArray[np.float64]) -> NDArray[np.float64]:
        """Within the contract's bounds, and near the arm."""
        target = self._space.clipped(target)
        step = self._space.difference(measured, target)
        distance, turn = float(np.linalg.norm(step[self._axes])), float(np.linalg.norm(step[-3:]))
        if distance <= _LEAD and turn <= _TURN:
            return target
        step[self._axes] *= _LEAD / max(distance, _LEAD)
        step[-3:] *= _TURN / max(turn, _TURN)
        return self._space.advance(measured, step)
