"""What a task lets others see and touch of its world, where that is a MuJoCo model."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import mujoco


@dataclass(eq=False)
class MujocoWorld:
    """A model and its state. Its world frame is the base frame of the task's contract."""

    model: mujoco.MjModel
    data: mujoco.MjData


@runtime_checkable
class InMujoco(Protocol):
    """A task with such a world, which stays the same object from episode to episode."""

    world: MujocoWorld
