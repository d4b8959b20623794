"""What a task of the cell brings along: its things, its rule of success, and how an expert solves it."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from typing import Protocol

import mujoco
import numpy as np

from sdm_sim.franka.expert import Plan
from sdm_sim.franka.robot import Robot


class Scenario(Protocol):
    """One task's part of a cell."""

    step_limit: int
    seen_to: float
    """Where its cloud ends on the left (y, m)."""
    bodies: str
    """MJCF of its things, and of the assets and further sections that they need."""
    assets: str
    extras: str

    def bind(self, model: mujoco.MjModel, data: mujoco.MjData, robot: Robot) -> None:
        """Called once, with the cell that its things are in."""
        ...

    def reset(self, seed: int, rng: np.random.Generator) -> None:
        """Places its things for the episode of a seed; all that is random in it is drawn from `rng`."""
        ...

    def before_step(self) -> None:
        """Called before every time step of the physics: moves what moves by itself."""
        ...

    def solved(self) -> bool:
        """Whether the task is done as things stand now."""
        ...

    def plan(self, rng: np.random.Generator) -> Plan:
        """How the expert solves this episode; `rng` is for what differs between demonstrations."""
        ...
