"""Steps a task with whatever commands came: good ones as they are, otherwise the hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from sdm_core.commands.anchor import MeasuredPose
from sdm_core.commands.command_space import held_command, is_motion
from sdm_core.runtime.state_vector import StateVector

from sdm_sim.bridge.command_inbox import Command, PoseTarget
from sdm_sim.bridge.control_parts import step_part
from sdm_sim.task import Task


@runtime_checkable
class PoseControlled(Protocol):
    """A task whose native action can be derived from a pose target, as an impedance controller does for an arm."""

    def action_towards(
        self, position: NDArray[np.float64], quaternion_xyzw: NDArray[np.float64], gripper: float | None
    ) -> NDArray[np.float64]:
        """The action [A] that brings the tool nearer to a pose in the base frame; `gripper` None keeps the gripper."""
        ...


class Actuation:
    """A command of wrong size, frame or value changes nothing and is counted; where it should be, the last is held.

    A control period in which no good command came is a miss.
    """

    def __init__(self, task: Task, warn: Callable[[str], None], parts: int = 1) -> None:
        """`warn` is told of each refusal; commands come in each of so many `parts` of a control period."""
        self._task = task
        self._warn = warn
        self.parts = parts
        self._base = task.contract.action.base_frame
        self.reset()

    def reset(self) -> None:
        """Begins an episode."""
        self._actions: list[NDArray[np.float64]] = []
        self._commanded = False
        self.misses = 0
        self.refused = 0

    @property
    def stepped_with(self) -> NDArray[np.float64]:
        """The actions of this episode, float64[steps · parts, A]."""
        return np.array(self._actions).reshape(-1, self._task.contract.action_dim)

    def step(self, command: Command | None) -> None:
        """Advances the task by one part of a control period."""
        action = None if command is None else self._action(command)
        self._commanded |= action is not None
        if action is None:
            action = self._held()
        step_part(self._task, action, self.parts)
        self._actions.append(action)
        if len(self._actions) % self.parts == 0:
            self.misses += not self._commanded
            self._commanded = False

    def _action(self, command: Command) -> NDArray[np.float64] | None:
        if isinstance(command, PoseTarget):
            if not isinstance(self._task, PoseControlled):
                return self._refuse(f"{self._task.name} takes no pose targets; publish native_command")
            if command.frame != self._base:
                return self._refuse(f"target_pose is in frame '{command.frame}', expected '{self._base}'")
            if not (np.isfinite(command.position).all() and np.isfinite(command.quaternion_xyzw).all()):
                return self._refuse("target_pose is not finite")
            if command.gripper is not None and not np.isfinite(command.gripper):
                return self._refuse("gripper_command is not finite")
            return self._task.action_towards(command.position, command.quaternion_xyzw, command.gripper)
        if command.shape != (self._task.contract.action_dim,):
            return self._refuse(f"native_command has {command.size} entries, expected {self._task.contract.action_dim}")
        if not np.isfinite(command).all():
            return self._refuse("native_command is not finite")
        return command

    def _refuse(self, reason: str) -> None:
        self.refused += 1
        self._warn(f"command refused ({self.refused} so far): {reason}")

    def _held(self) -> NDArray[np.float64]:
        last = self._actions[-1] if self._actions else self._standing()
        return held_command(self._task.contract.action, last)

    def _standing(self) -> NDArray[np.float64]:
        """What keeps a robot that has had no command where it is."""
        contract = self._task.contract
        if not is_motion(contract.action):
            return np.zeros(contract.action_dim)
        frame = self._task.observe(depth=False)
        state = StateVector(contract.observation.state).gather(frame.names, frame.values)
        return MeasuredPose(contract).of(state)
