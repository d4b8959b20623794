"""Agents that drive any task, and what is observed meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sdm_core.perception.point_cloud import CloudPipeline
from sdm_core.runtime.state_vector import StateVector
from sdm_sim.task import Task

Agent = Callable[[Task, np.random.Generator], NDArray[np.float64]]


def still(task: Task, rng: np.random.Generator) -> NDArray[np.float64]:
    return np.zeros(task.contract.action_dim)


def random(task: Task, rng: np.random.Generator) -> NDArray[np.float64]:
    """Beyond the contract's bounds too."""
    entries = task.contract.action.entries
    low, high = np.array([entry.low for entry in entries]), np.array([entry.high for entry in entries])
    return rng.uniform(low - 0.2 * (high - low), high + 0.2 * (high - low))


def expert(task: Task, rng: np.random.Generator) -> NDArray[np.float64]:
    return task.expert()


def episode(task: Task, seed: int, agent: Agent, steps: int = 40, look_every: int = 10) -> list[NDArray]:
    """All that is observed of an episode's first steps: states at every step, clouds now and then."""
    contract = task.contract
    assert contract.observation.cloud is not None
    clouds, states = CloudPipeline(contract.observation.cloud), StateVector(contract.observation.state)
    rng = np.random.default_rng(seed)
    task.reset(seed)
    seen: list[NDArray] = []
    for step in range(steps):
        frame = task.observe(depth=step % look_every == 0)
        seen.append(states.gather(frame.names, frame.values))
        if frame.depth is not None:
            camera = contract.observation.cameras[0]
            assert frame.depth.dtype == np.uint16
            assert frame.depth.shape == (camera.height, camera.width)
            seen.append(clouds.from_depth(frame.depth, "16UC1", task.intrinsics, task.extrinsics))
        task.step(agent(task, rng))
    return seen
