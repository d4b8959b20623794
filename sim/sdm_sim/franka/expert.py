"""The scripted expert: picks a thing, carries it to its place and lets go, with an eye on what really happens.

Each stage has a target of the tool and ends where the scene says that it is reached; where the thing is not where the
stage needs it, the expert goes back and tries again. Its commands run through the smoother that robots are driven with,
so that what it shows is within the contract's limits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sdm_core.commands.command_space import CommandSpace
from sdm_core.commands.smoother import Smoother
from sdm_core.contract import Contract

from sdm_sim.franka.robot import Robot

Vector = NDArray[np.float64]

# How near its target a stage must come before the next begins: in passing, to grasp or let go (m), and turned (rad).
_PASSING, _GRASPING, _ALIGNED = 0.025, 0.008, 0.15
# A thing that is farther than this from where the hand should hold it is not in the hand (m).
_LOST = 0.04
# The hand comes down over a thing as far as it stands above it: not at all from this far beside, wholly from that near.
_BESIDE, _ABOVE = 0.035, 0.012
# The hand holds something once its width changes by less than this in one control step, but is not shut (m).
_STILL, _SHUT = 0.0005, 0.005
# Control steps that closing takes at least, and that letting go takes.
_CLOSING, _OPENING = 4, 10


@dataclass(frozen=True)
class Plan:
    """What the expert has to know of an episode; positions float64[3] in m, in the base frame, of the tool."""

    grasp: Callable[[], Vector]
    """Where the tool takes hold of the thing, as it lies now."""
    yaw: Callable[[], float]
    """How the hand is turned for that (rad, 0: as in the ready posture)."""
    place: Callable[[], Vector]
    """Where the tool lets go."""
    place_yaw: float
    hover: float
    """How high above the grasp the hand waits until it is aligned."""
    aside: Vector
    """How far beside the grasp the hand arrives, and so shows how it comes right again."""
    carry: float
    """The height at which the thing is carried."""
    precise: bool = False
    """Whether the thing itself must be brought to `place` within millimetres, however it lies in the hand."""


class Expert:
    """Gives the action for the present state; call it once a control step."""

    def __init__(self, plan: Plan, robot: Robot, contract: Contract) -> None:
        self._plan, self._robot = plan, robot
        self._space = CommandSpace(contract.action)
        self._smoother = Smoother(self._space, contract.dt)
        self._smoother.reset(np.append(robot.pose, 0.0))
        self._stage = self._reach
        self._steps, self._width, self._gripper = 0, robot.width, 0.0
        self._target, self._yaw = robot.pose[:3], 0.0

    def action(self) -> Vector:
        """The action [8]: the tool's pose, smoothly on its way to the stage's target, and the gripper."""
        self._stage()
        self._steps += 1
        self._width = self._robot.width
        half = self._yaw / 2
        wanted = np.array([*self._target, np.cos(half), np.sin(half), 0.0, 0.0, self._gripper])
        # What it follows may stop so suddenly that it passes it, by millimetres.
        return self._space.clipped(self._smoother.step(wanted))

    # --- stages: each sets the target, and names the next stage once it is reached

    def _reach(self) -> None:
        self._gripper, self._yaw = 0.0, self._plan.yaw()
        self._target = raised(self._plan.grasp() + self._plan.aside, self._plan.hover)
        if self._near(_PASSING) and self._turned():
            self._go(self._lower)

    def _lower(self) -> None:
        grasp, self._yaw = self._plan.grasp(), self._plan.yaw()
        if np.linalg.norm(self._robot.pose[:3] - grasp) < _GRASPING:
            self._go(self._close)
        beside = float(np.linalg.norm(self._robot.pose[:2] - grasp[:2]))
        self._target = raised(grasp, self._plan.hover * np.clip((beside - _ABOVE) / (_BESIDE - _ABOVE), 0.0, 1.0))

    def _close(self) -> None:
        self._gripper = 1.0
        if self._steps < _CLOSING or abs(self._robot.width - self._width) > _STILL:
            return
        self._go(self._lift if self._robot.width > _SHUT else self._reach)

    def _lift(self) -> None:
        self._target = np.array([*self._target[:2], self._plan.carry])
        if self._lost():
            self._go(self._reach)
        elif self._near(_PASSING):
            self._go(self._carry)

    def _carry(self) -> None:
        self._yaw = self._plan.place_yaw
        self._target = np.array([*self._place()[:2], self._plan.carry])
        if self._lost():
            self._go(self._reach)
        elif self._near(_GRASPING if self._plan.precise else _PASSING) and self._turned():
            self._go(self._put)

    def _put(self) -> None:
        self._target = self._place()
        if self._lost():
            self._go(self._reach)
        elif self._near(_GRASPING):
            self._go(self._open)

    def _open(self) -> None:
        self._gripper = 0.0
        if self._steps >= _OPENING:
            self._go(self._retreat)

    def _retreat(self) -> None:
        self._target = np.array([*self._target[:2], self._plan.carry])

    # --- what the stages look at

    def _go(self, stage: Callable[[], None]) -> None:
        self._stage, self._steps = stage, 0

    def _near(self, reach: float) -> bool:
        return float(np.linalg.norm(self._robot.pose[:3] - self._target)) < reach

    def _turned(self) -> bool:
        x, y = self._robot.pose[3:5]
        return abs(2 * np.arctan2(y, x) - self._yaw) < _ALIGNED

    def _lost(self) -> bool:
        return float(np.linalg.norm(self._robot.pose[:3] - self._plan.grasp())) > _LOST

    def _place(self) -> Vector:
        """Where the tool has to go, so that the thing comes to its place."""
        place = self._plan.place()
        if self._plan.precise:
            place = place + (self._robot.pose[:3] - self._plan.grasp()) * [1.0, 1.0, 0.0]
        return place


def raised(position: Vector, height: float) -> Vector:
    """So much above a position [3]."""
    return np.array([*position[:2], position[2] + height])
