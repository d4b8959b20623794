"""An operator's wish for motion as chunks of absolute targets, such as a policy's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.anchor import MeasuredPose
from sdm_core.commands.command_space import CommandSpace, Vector
from sdm_core.contract import Contract
from sdm_core.errors import ContractError

# Targets of a chunk: a tick or two that come late are bridged, and then the arm stands.
_HORIZON = 4


@dataclass(frozen=True)
class Lead:
    """How far a target lies from the arm, or may: m and rad."""

    distance: float
    turn: float

    def exceeds(self, most: Lead) -> bool:
        return self.distance > most.distance or self.turn > most.turn


# Neither a wall nor a contract slower than the operator winds the target up beyond this: what an arm that lags by
# 0.15 s needs for full speed, and to brake in.
_MOVES = Lead(0.06, 0.15)
# Load and friction keep a standing arm this far from its target at most, as command_node's holding_error has it, too.
# It stands when it was asked for no motion for so many seconds.
_SAGS, _STANDS_S = Lead(0.02, 0.1), 0.5
# Who lets go of a moving arm leaves it the way of so many seconds, so that it need not swing back to where it was.
_BRAKES_S = 0.25
# A target so near stays: nothing is to creep.
_NEAR = Lead(0.005, 0.03)


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
        names = [entry.name.rsplit(".", 1)[-1] for entry in action.entries]
        self._space = CommandSpace(action)
        if action.kind != "ee_pose" or self._space.rotation is None or not {"x", "y", "z"} <= set(names):
            raise ContractError(f"teleoperation commands 'ee_pose' actions with a quaternion, not '{action.kind}'")
        self._contract, self._speeds = contract, speeds
        self._pose = MeasuredPose(contract)
        # Where x, y, z are among the axes of a step; the rotation's are its last three.
        self._axes = [self._space.linear.tolist().index(names.index(axis)) for axis in "xyz"]
        self._gripper = action.gripper_index
        self._target: Vector | None = None
        self._last = np.array([entry.low for entry in action.entries])
        self._before = self._last.copy()  # where the arm was measured a period ago
        self._sag = np.zeros(self._space.dim)  # from where an arm is measured that stands to its target
        self._idle = 0  # periods without a wish for motion
        self._led = False  # by hand
        self._sequence = 0

    @property
    def target(self) -> Vector | None:
        """Where the arm is sent, float64[A]; None at rest."""
        return self._target

    def start(self, state: Vector) -> None:
        """Begins where the robot of this state [S] stands; a gripper that is not measured stays as it was told last."""
        self._target = self._pose.of(state, self._last)
        self._sag, self._idle, self._led = np.zeros(self._space.dim), 0, False

    def gripper_told(self, value: float) -> None:
        """What the gripper was told last, whoever led it: what it holds is held on to."""
        if self._gripper is not None:
            self._last[self._gripper] = value

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

    def chunk(self, now_ns: int, state: Vector, twist: Vector, followed: bool = True) -> ActionChunk:
        """The next control period's chunk, from `now_ns` on, and the target moved on by that period.

        `twist` [6] in the base frame, linear then angular, is in shares of the speeds; zeros stand still. `followed`:
        chunks move the robot of this state [S] now; else it may be led by hand.
        """
        assert self._target is not None, "start first"
        step = np.zeros(self._space.dim)
        step[self._axes] = twist[:3] * self._speeds.linear * self._contract.dt
        step[-3:] = twist[3:] * self._speeds.angular * self._contract.dt
        measured = self._pose.of(state, self._target)
        if self._gripper is not None:
            measured[self._gripper] = self._target[self._gripper]  # what is held is held on to
        # An arm that sags is told to stand here, in order to stay where it is.
        place = self._space.advance(measured, self._sag)
        if twist.any():
            self._idle, self._led = 0, False
        else:
            self._target = self._standing(self._target, measured, place, followed)
            self._idle += 1
        self._before = measured
        targets = [self._bounded(self._target, place)]
        for _ in range(_HORIZON - 1):
            targets.append(self._bounded(self._space.advance(targets[-1], step), place))
        self._last, self._target = targets[0], targets[1].copy()
        self._sequence += 1
        return ActionChunk(now_ns, self._contract.dt_ns, np.stack(targets), self._sequence)

    def _standing(self, target: Vector, measured: Vector, place: Vector, followed: bool) -> Vector:
        """Where the arm is to stand: at the target, unless that is far, or the arm was led elsewhere by hand.

        Only the first chunk after a motion draws the target in: were it each, an arm that sags more would sink on.
        """
        ahead = self._lead(place, target)
        self._led = not followed and (self._led or ahead.exceeds(_NEAR))
        if self._led or ahead.exceeds(_MOVES):
            self._sag = np.zeros(self._space.dim)
            return measured
        if self._idle == 0:
            way, periods = self._lead(self._before, measured), _BRAKES_S / self._contract.dt
            most = Lead(max(_NEAR.distance, way.distance * periods), max(_NEAR.turn, way.turn * periods))
            return self._drawn(target, place, most)
        if self._idle * self._contract.dt > _STANDS_S and followed and not self._lead(measured, target).exceeds(_SAGS):
            self._sag = self._space.difference(measured, target)
        return target

    def _bounded(self, target: Vector, place: Vector) -> Vector:
        """Within the contract's bounds, and near the arm."""
        return self._drawn(np.clip(target, self._space.low, self._space.high), place, _MOVES)

    def _drawn(self, target: Vector, place: Vector, most: Lead) -> Vector:
        """`target`, or as far on the way there as `most`."""
        lead = self._lead(place, target)
        if not lead.exceeds(most):
            return target
        step = self._space.difference(place, target)
        step[self._axes] *= most.distance / max(lead.distance, most.distance)
        step[-3:] *= most.turn / max(lead.turn, most.turn)
        return self._space.advance(place, step)

    def _lead(self, place: Vector, target: Vector) -> Lead:
        step = self._space.difference(place, target)
        return Lead(float(np.linalg.norm(step[self._axes])), float(np.linalg.norm(step[-3:])))
