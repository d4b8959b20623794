"""Sampling model-predictive control (MPPI, Williams et al., 2017) in MuJoCo itself: an expert that needs no data.

At each step it plays variations of its plan in an imagined copy of the world, and moves the plan towards the cheap
ones. All that it draws comes from a generator seeded with the episode's seed, so that an episode can be repeated.
"""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from gymnasium.envs.mujoco import MujocoEnv
from mujoco import rollout
from numpy.typing import NDArray

from sdm_sim.adroit.objectives import Array, Futures, Objective

# Each variation is a line through so many random values.
KNOTS = 5
# Of the weights exp(−cost / temperature), in standard deviations of the cost.
TEMPERATURE = 0.1
_STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS
# What Adroit's environments draw anew in each episode, all of it in the model.
_LAYOUT = ("body_pos", "body_quat", "site_pos")


class Planner:
    """See expert.Expert."""

    kind = "planner"

    def __init__(self, env: MujocoEnv, repeat: int, objective: Objective) -> None:
        """`repeat` is the number of the environment's steps for which an action is held."""
        self._world_model, self._world = env.model, env.data
        self._objective = objective
        self._model = _imagined(env, objective)
        self._data = mujoco.MjData(self._model)
        self._substeps = round(repeat * env.dt / objective.timestep)
        low, high = self._model.actuator_ctrlrange.T
        self._middle, self._half = (low + high) / 2, (high - low) / 2
        self._lines = _lines(objective.horizon)

    def reset(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._plan = np.zeros((self._objective.horizon, self._model.nu))
        self._planned_at = -1.0
        for layout in _LAYOUT:
            getattr(self._model, layout)[:] = getattr(self._world_model, layout)

    def action(self, observation: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._planned_at != self._world.time:  # asked twice of one state, it answers alike
            self._planned_at = self._world.time
            self._replan()
        return self._plan[0].copy()

    def _replan(self) -> None:
        aim = self._objective
        ahead = np.concatenate([self._plan[1:], self._plan[-1:]])
        values = self._rng.normal(0.0, aim.noise, (aim.samples, KNOTS, self._model.nu))
        values[0] = 0.0  # the plan itself
        plans = np.clip(ahead + self._lines @ values, -1.0, 1.0)
        costs = aim.cost(self._futures(plans)).sum(1)
        weights = np.exp((costs.min() - costs) / (TEMPERATURE * costs.std() + 1e-12))
        self._plan = np.tensordot(weights / weights.sum(), plans, 1)

    def _futures(self, plans: Array) -> Futures:
        """What comes of plans [N,T,A] from the world's present state."""
        start = np.empty(mujoco.mj_stateSize(self._world_model, _STATE))
        mujoco.mj_getState(self._world_model, self._world, start, _STATE)
        controls = np.repeat(self._middle + self._half * plans, self._substeps, axis=1)
        played = rollout.rollout(self._model, self._data, start, controls)
        states, sensors = (np.asarray(values)[:, self._substeps - 1 :: self._substeps] for values in played)
        place, speed = 1, 1 + self._model.nq  # a state begins with the time
        places = {}
        for name in self._objective.places:
            address = self._model.sensor(f"place {name}").adr[0]
            places[name] = sensors[..., address : address + 3]
        return Futures(states[..., place:speed], states[..., speed : speed + self._model.nv], places)


def _imagined(env: MujocoEnv, objective: Objective) -> mujoco.MjModel:
    """The environment's model with its own time step, and sensors for the places that the objective asks for."""
    spec = mujoco.MjSpec.from_file(env.fullpath)
    sites = {site.name for site in spec.sites}
    for place in objective.places:
        kind = mujoco.mjtObj.mjOBJ_SITE if place in sites else mujoco.mjtObj.mjOBJ_XBODY
        spec.add_sensor(name=f"place {place}", type=mujoco.mjtSensor.mjSENS_FRAMEPOS, objtype=kind, objname=place)
    model = spec.compile()
    model.opt.timestep = objective.timestep
    # The environments set these after loading.
    model.actuator_gainprm[:], model.actuator_biasprm[:] = env.model.actuator_gainprm, env.model.actuator_biasprm
    return model


def _lines(horizon: int) -> Array:
    """float64[horizon, KNOTS]: linear interpolation between the knots."""
    steps, knots = np.linspace(0.0, KNOTS - 1, horizon), np.arange(KNOTS)
    return np.maximum(0.0, 1.0 - np.abs(steps[:, None] - knots))
