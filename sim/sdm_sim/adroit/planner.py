"""The sampling planner in Adroit's environments, which draw each episode's layout anew."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from gymnasium.envs.mujoco import MujocoEnv
from numpy.typing import NDArray

from sdm_sim.sampling_planner import Objective, SamplingPlanner, add_places

# What the environments draw anew in each episode, all of it in the model.
_LAYOUT = ("body_pos", "body_quat", "site_pos")


class Planner(SamplingPlanner):
    """See expert.Expert."""

    def __init__(self, env: MujocoEnv, repeat: int, objective: Objective) -> None:
        """`repeat` is the number of the environment's steps for which an action is held."""
        super().__init__(env.model, env.data, _imagined(env, objective), repeat * env.dt, objective)

    def reset(self, seed: int) -> None:
        super().reset(seed)
        for layout in _LAYOUT:
            getattr(self._model, layout)[:] = getattr(self._world_model, layout)

    def action(self, observation: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.next_action()


def _imagined(env: MujocoEnv, objective: Objective) -> mujoco.MjModel:
    """The environment's model, with sensors for the places that the objective asks for."""
    spec = mujoco.MjSpec.from_file(env.fullpath)
    add_places(spec, objective.places)
    model = spec.compile()
    # The environments set these after loading.
    model.actuator_gainprm[:], model.actuator_biasprm[:] = env.model.actuator_gainprm, env.model.actuator_biasprm
    return model
