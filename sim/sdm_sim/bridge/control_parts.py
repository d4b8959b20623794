"""A control period in parts: an arm is commanded, and says where it stands, more often than a camera shows it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sdm_sim.bridge.errors import BridgeError
from sdm_sim.task import Task


@runtime_checkable
class FineStepped(Protocol):
    """A task whose world can be advanced by less than a control period."""

    time_steps: int
    """Time steps of its physics in a control period."""

    def advance(self, action: NDArray[np.float64], time_steps: int) -> None:
        """Goes on by so many time steps under an action [A]; a period's worth of them is one `step`."""
        ...


def control_parts(task: Task, robot_hz: float) -> int:
    """How many parts of 1/`robot_hz` s a control period of the task has; one where `robot_hz` is 0.

    Raises BridgeError where the task's physics has no such parts.
    """
    control_hz = task.contract.rates.control_hz
    parts = round(robot_hz / control_hz) if robot_hz else 1
    if parts == 1 and robot_hz in (0.0, control_hz):
        return 1
    if not isinstance(task, FineStepped):
        raise BridgeError(
            f"parameter robot_hz: {task.name} steps at its control rate only, not at {robot_hz:g} Hz; set robot_hz:=0.0"
        )
    if parts * control_hz != robot_hz or task.time_steps % parts:
        possible = [f"{n * control_hz:g}" for n in range(1, task.time_steps + 1) if task.time_steps % n == 0]
        raise BridgeError(f"parameter robot_hz: {robot_hz:g} is none of {task.name}'s rates, {', '.join(possible)}")
    return parts


def step_part(task: Task, action: NDArray[np.float64], parts: int) -> None:
    """Advances the task by one of the `parts` of a control period."""
    if parts == 1:
        task.step(action)
    else:
        assert isinstance(task, FineStepped)  # as control_parts has seen
        task.advance(action, task.time_steps // parts)
