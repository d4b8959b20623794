"""Robomimic's tasks: what they have in common.

The policy observes its hands, their fingers and a depth camera. Success is robosuite's own, at any step, and the length
of an episode Robomimic's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdm_sim.robomimic.contract import robomimic_contract
from sdm_sim.robomimic.experts import EXPERTS
from sdm_sim.robomimic.views import CAMERA, IMAGE_SIZE
from sdm_sim.robomimic.world import World
from sdm_sim.task import SensorFrame, SolvedOnce
from sdm_sim.task_camera import TaskCamera

STEP_LIMITS = {"lift": 400, "can": 400, "square": 400, "tool-hang": 700, "transport": 700}


class RobomimicTask(SolvedOnce):
    """One of the five tasks. See Task."""

    way = None
    score = None
    expert_kind = "scripted"

    def __init__(self, task: str) -> None:
        self.name = f"robomimic/{task}"
        self.contract = robomimic_contract(task)
        self.step_limit = STEP_LIMITS[task]
        self.world = World(task)
        self._script_of = EXPERTS[task]
        self._names = self.contract.state_names
        self.reset(0)
        self._camera = TaskCamera(self.world.model, self.world.data, CAMERA, IMAGE_SIZE)
        self.intrinsics, self.extrinsics = self._camera.intrinsics, self._camera.extrinsics

    def reset(self, seed: int) -> None:
        self.world.reset(seed)
        self._script = self._script_of(self.world)
        self._success_steps = 0

    def step(self, action: NDArray[np.float64]) -> None:
        self.world.step(action)
        self._success_steps += self.world.solved

    def observe(self, depth: bool = True, images: bool = False) -> SensorFrame:
        values = np.concatenate([arm.state for arm in self.world.arms])
        return self._camera.frame(self._names, values, depth, images)

    def expert(self) -> NDArray[np.float64]:
        """See Task; it is to be asked once a step."""
        return next(self._script)

    def render(self, width: int, height: int) -> NDArray[np.uint8]:
        return self._camera.picture(width, height)

    def close(self) -> None:
        self._camera.close()
