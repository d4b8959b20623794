"""Adroit's four tasks on gymnasium-robotics' AdroitHand*-v1 under DP3's protocol.

Each action is held for two steps of the environment. The policy observes the hand's 24 joints, as DP3's does, the place
of the palm and a depth camera. Success is DP3's, the goal state at the last step; the score is whether it ever held.
"""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from contextlib import redirect_stderr
from io import StringIO

import mujoco
import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import Contract, StateEntry

from sdm_sim.adroit.expert import expert_of
from sdm_sim.adroit.progress import METERS
from sdm_sim.adroit.views import CAMERA, IMAGE_SIZE, VIEWS
from sdm_sim.adroit_hand import HAND_JOINTS, PALM, PALM_SITE, actuator_names, position_targets
from sdm_sim.mujoco_world import MujocoWorld
from sdm_sim.progress import Progress
from sdm_sim.task import SensorFrame
from sdm_sim.task_camera import TaskCamera
from sdm_sim.task_contract import depth_camera, states, task_contract

with redirect_stderr(StringIO()):  # a notice of other versions' rewards, which are not used here
    from gymnasium_robotics.envs.adroit_hand import (
        AdroitHandDoorEnv,
        AdroitHandHammerEnv,
        AdroitHandPenEnv,
        AdroitHandRelocateEnv,
    )

_ENVIRONMENTS = {
    "door": AdroitHandDoorEnv,
    "hammer": AdroitHandHammerEnv,
    "pen": AdroitHandPenEnv,
    "relocate": AdroitHandRelocateEnv,
}
ACTION_REPEAT = 2
CONTROL_HZ = 100.0 / ACTION_REPEAT
# The lengths of DP3's environments, in held actions.
STEP_LIMITS = {"door": 100, "hammer": 100, "pen": 50, "relocate": 100}
# Where relocate's ball is to be brought: a mark in the air, which no depth camera sees.
TARGET = ("target.x", "target.y", "target.z")


def adroit_contract(task: str, actuators: tuple[str, ...]) -> Contract:
    """The contract of `adroit/<task>`; `actuators` are the arm's and, last, the hand's."""
    return task_contract(
        f"adroit/{task}",
        CONTROL_HZ,
        _observed(task, actuators),
        VIEWS[task].cloud(),
        position_targets(actuators),
        (depth_camera(IMAGE_SIZE),),
    )


def _observed(task: str, actuators: tuple[str, ...]) -> tuple[StateEntry, ...]:
    target = TARGET if task == "relocate" else ()
    return states("rad", *actuators[-HAND_JOINTS:]) + states("m", *PALM, *target)


class AdroitTask:
    """One of the four tasks. See Task."""

    way = None
    decided = False

    def __init__(self, task: str) -> None:
        self.name = f"adroit/{task}"
        self.step_limit = STEP_LIMITS[task]
        self._env = _ENVIRONMENTS[task]()
        self._expert = expert_of(task, self._env, ACTION_REPEAT)
        self._model, self._data = self._env.model, self._env.data
        self.world = MujocoWorld(self._model, self._data)
        self._meter = METERS[task]
        self.lacking_unit = self._meter.unit
        actuators = actuator_names(self._model)
        self.contract = adroit_contract(task, actuators)
        # The actuated joints come first, in the actuators' order.
        self._hand = slice(len(actuators) - HAND_JOINTS, len(actuators))
        self._names = self.contract.state_names
        self._sites = (PALM_SITE, "target") if task == "relocate" else (PALM_SITE,)
        view, camera = VIEWS[task], self._model.camera(CAMERA).id
        self._model.cam_pos[camera] = view.position
        mujoco.mju_euler2Quat(self._model.cam_quat[camera], view.euler, "xyz")
        self._camera = TaskCamera(self._model, self._data, CAMERA, IMAGE_SIZE)
        self.intrinsics, self.extrinsics = self._camera.intrinsics, self._camera.extrinsics
        self.reset(0)

    def reset(self, seed: int) -> None:
        self._full_observation, _ = self._env.reset(seed=seed)
        self._expert.reset(seed)
        self._succeeded = False
        self._success_steps = 0

    def step(self, action: NDArray[np.float64]) -> None:
        for _ in range(ACTION_REPEAT):
            self._full_observation, _, _, _, info = self._env.step(action)
        self._succeeded = bool(info["success"])
        self._success_steps += self._succeeded

    def observe(self, depth: bool = True, images: bool = False) -> SensorFrame:
        values = [self._data.qpos[self._hand], *(self._data.site(site).xpos for site in self._sites)]
        return self._camera.frame(self._names, np.concatenate(values), depth, images)

    @property
    def succeeded(self) -> bool:
        return self._succeeded

    @property
    def success_steps(self) -> int:
        return self._success_steps

    @property
    def score(self) -> float | None:
        return float(self._success_steps > 0)

    @property
    def expert_kind(self) -> str | None:
        return self._expert.kind

    def expert(self) -> NDArray[np.float64]:
        return np.clip(self._expert.action(self._full_observation), -1.0, 1.0)

    def progress(self) -> Progress:
        """See TellsProgress."""
        return self._meter.progress(self._data)

    def render(self, width: int, height: int) -> NDArray[np.uint8]:
        return self._camera.picture(width, height)

    def close(self) -> None:
        self._camera.close()
        self._env.close()
