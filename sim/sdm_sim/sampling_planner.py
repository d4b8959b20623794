"""Sampling model-predictive control (MPPI, Williams et al., 2017) in MuJoCo itself: an expert that needs no data.

At each step it plays variations of its plan in an imagined copy of the world, and moves the plan towards the cheap
ones. All that it draws comes from a generator seeded with the episode's seed, so that an episode can be repeated.
"""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import mujoco
import numpy as np
from mujoco import rollout
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Each variation is a line through so many random values.
KNOTS = 5
# Of the weights exp(−cost / temperature), in standard deviations of the cost.
TEMPERATURE = 0.1
_STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS


@dataclass(frozen=True)
class Futures:
    """N imagined futures of T steps: qpos [N,T,nq], qvel [N,T,nv], places [N,T,3] of sites and bodies by name."""

    qpos: Array
    qvel: Array
    places: dict[str, Array]

    def distance(self, first: str, second: str) -> Array:
        """Between two places, [N,T]."""
        return np.linalg.norm(self.places[first] - self.places[second], axis=-1)


@dataclass(frozen=True)
class Objective:
    """A task's cost [N,T], summed over the steps of a future, the places that it asks for, and the planner's effort."""

    cost: Callable[[Futures], Array]
    places: tuple[str, ...]
    samples: int = 64
    horizon: int = 16
    """Held actions that a future lasts."""
    noise: float | Array = 0.3
    """Standard deviation of what is tried, in the actions' own unit: one for all, or one for each."""
    timestep: float = 0.004
    """Of the imagined physics, in s."""


def add_places(spec: mujoco.MjSpec, places: Iterable[str]) -> None:
    """Gives a model the sensors for the places, sites or bodies, that an objective asks for."""
    sites = {site.name for site in spec.sites}
    for place in places:
        kind = mujoco.mjtObj.mjOBJ_SITE if place in sites else mujoco.mjtObj.mjOBJ_XBODY
        spec.add_sensor(name=_sensor(place), type=mujoco.mjtSensor.mjSENS_FRAMEPOS, objtype=kind, objname=place)


class SamplingPlanner:
    """Plans for a world whose actions are position targets, in halves of the actuators' ranges."""

    kind = "planner"

    def __init__(
        self, model: mujoco.MjModel, world: mujoco.MjData, imagined: mujoco.MjModel, hold: float, objective: Objective
    ) -> None:
        """`imagined`: the world's model with the sensors of `add_places`; `hold`: for how long an action lasts (s)."""
        self._world_model, self._world = model, world
        self._objective = objective
        self._model = imagined
        self._model.opt.timestep = objective.timestep
        self._data = mujoco.MjData(imagined)
        self._substeps = round(hold / objective.timestep)
        low, high = imagined.actuator_ctrlrange.T
        self._middle, self._half = (low + high) / 2, (high - low) / 2
        self._lines = _lines(objective.horizon)

    def reset(self, seed: int) -> None:
        """Begins the episode of a seed, with no plan but the middle of all ranges."""
        self._rng = np.random.default_rng(seed)
        self._plan = np.zeros((self._objective.horizon, self._model.nu))
        self._planned_at = -1.0

    def next_action(self) -> Array:
        """The action [A] for the world's present state."""
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
            address = self._model.sensor(_sensor(name)).adr[0]
            places[name] = sensors[..., address : address + 3]
        return Futures(states[..., place:speed], states[..., speed : speed + self._model.nv], places)


def _sensor(place: str) -> str:
    return f"place {place}"


def _lines(horizon: int) -> Array:
    """float64[horizon, KNOTS]: linear interpolation between the knots."""
    steps, knots = np.linspace(0.0, KNOTS - 1, horizon), np.arange(KNOTS)
    return np.maximum(0.0, 1.0 - np.abs(steps[:, None] - knots))
