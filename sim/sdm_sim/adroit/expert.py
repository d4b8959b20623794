"""What acts as Adroit's expert: published policies where a user has them, else a planner that needs no download."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from gymnasium.envs.mujoco import MujocoEnv
from numpy.typing import NDArray

from sdm_sim.adroit.hand_policy import HandPolicy, policy_file
from sdm_sim.adroit.objectives import OBJECTIVES
from sdm_sim.adroit.planner import Planner


class Expert(Protocol):
    """It may see all of the simulator."""

    @property
    def kind(self) -> str:
        """See Task.expert_kind."""
        ...

    def reset(self, seed: int) -> None:
        """Begins the episode of a seed, once the environment has."""
        ...

    def action(self, observation: NDArray[np.float64]) -> NDArray[np.float64]:
        """The action [A] for the present state, of which the environment's full observation is `observation`."""
        ...


def expert_of(task: str, env: MujocoEnv, repeat: int) -> Expert:
    """The expert of a task, whose actions are held for `repeat` steps of the environment."""
    path = policy_file(task)
    return Planner(env, repeat, OBJECTIVES[task]) if path is None else HandPolicy(path)
