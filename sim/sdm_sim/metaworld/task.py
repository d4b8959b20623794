"""MetaWorld (v3) under DP3's protocol: goal hidden from the policy, re-posed depth camera, 200 steps at 80 Hz.

The policy observes the hand, both fingertips and the gap between them, and a depth camera. The scripted expert sees the
goal.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from metaworld.policies import ENV_POLICY_MAP
from metaworld.sawyer_xyz_env import SawyerXYZEnv
from numpy.typing import NDArray
from sdm_core.contract import ActionSpec, CloudSpec, Contract

from sdm_sim.metaworld.progress import ProgressMeter
from sdm_sim.mujoco_world import MujocoWorld
from sdm_sim.progress import Progress
from sdm_sim.task import SensorFrame, SolvedOnce
from sdm_sim.task_camera import TaskCamera
from sdm_sim.task_contract import actions, depth_camera, states, task_contract

CONTROL_HZ = 80.0
STEP_LIMIT = 200
# DP3's view: MetaWorld's camera `corner2`, moved closer.
CAMERA, CAMERA_POSITION, CAMERA_FOVY_DEG, IMAGE_SIZE = "corner2", (0.6, 0.295, 0.8), 60.0, 128
CROP_LOW, CROP_HIGH = (-0.6, 0.35, 0.004), (0.66, 0.975, 0.40)

STATE_NAMES = (
    "hand.x", "hand.y", "hand.z",
    "right_finger.x", "right_finger.y", "right_finger.z",
    "left_finger.x", "left_finger.y", "left_finger.z",
    "finger_gap",
)  # fmt: skip


def metaworld_contract(task: str) -> Contract:
    """The contract that all MetaWorld tasks share but for the name."""
    return task_contract(
        f"metaworld/{task}",
        CONTROL_HZ,
        states("m", *STATE_NAMES),
        CloudSpec(
            frame="world", crop_low=CROP_LOW, crop_high=CROP_HIGH, centre=("hand.x", "hand.y", "hand.z"), scale=0.3
        ),
        ActionSpec(
            kind="native",
            entries=(
                *actions("10 mm per step", -1, 1, "mocap.dx", "mocap.dy", "mocap.dz"),
                *actions("effort", -1, 1, "gripper"),
            ),
            delta_reference="the simulator's mocap body",
            base_frame="world",
            tool_frame="hand",
            gripper="+1 closes, -1 opens",
            hold=(0.0, 0.0, 0.0, None),
        ),
        (depth_camera(IMAGE_SIZE),),
    )


class MetaWorldTask(SolvedOnce):
    """One of the 50 tasks. See Task."""

    variant = ""
    """What follows the task in its name."""
    expert_kind = "scripted"
    way = None
    score = None
    lacking_unit = "m"

    def __init__(self, task: str) -> None:
        self.contract = metaworld_contract(task + self.variant)
        self.name = self.contract.task
        self.step_limit = STEP_LIMIT
        self._env = self._environment(ALL_V3_ENVIRONMENTS[f"{task}-v3"])
        self._env._partially_observable = False
        vars(self._env).pop("sawyer_observation_space", None)  # cached while the goal was hidden
        self._env._freeze_rand_vec = False
        self._env.seeded_rand_vec = True
        self._env._set_task_called = True
        self._model, self._data = self._env.model, self._env.data
        self.world = MujocoWorld(self._model, self._data)
        camera = self._model.camera(CAMERA).id
        self._model.cam_pos[camera] = CAMERA_POSITION
        self._model.cam_fovy[camera] = CAMERA_FOVY_DEG
        self._camera = TaskCamera(self._model, self._data, CAMERA, IMAGE_SIZE)
        self.intrinsics, self.extrinsics = self._camera.intrinsics, self._camera.extrinsics
        self._expert = ENV_POLICY_MAP[f"{task}-v3"]()
        self._full_observation: NDArray[np.float64] | None = None
        self._progress_meter = ProgressMeter(task, self._env)
        self._info: dict[str, Any] = {}
        self._success_steps = 0

    def reset(self, seed: int) -> None:
        self._env.seed(seed)
        self._full_observation, _ = self._env.reset()
        self._success_steps = 0

    def step(self, action: NDArray[np.float64]) -> None:
        self._full_observation, _, _, _, self._info = self._env.step(np.clip(action, -1.0, 1.0))
        self._success_steps += bool(self._info["success"])

    def observe(self, depth: bool = True, images: bool = False) -> SensorFrame:
        hand = self._data.body("hand").xpos
        right, left = self._data.site("rightEndEffector").xpos, self._data.site("leftEndEffector").xpos
        values = np.array([*hand, *right, *left, np.linalg.norm(right - left)], np.float64)
        return self._camera.frame(STATE_NAMES, values, depth, images)

    def expert(self) -> NDArray[np.float64]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of actions beyond ±1, which are clipped here
            assert self._full_observation is not None  # reset has been called
            action = self._expert.get_action(self._full_observation)
        return np.clip(np.asarray(action, np.float64), -1.0, 1.0)

    def progress(self) -> Progress:
        """See TellsProgress."""
        return self._progress_meter.progress(self._info)

    def action_towards(
        self, position: NDArray[np.float64], quaternion_xyzw: NDArray[np.float64], gripper: float | None
    ) -> NDArray[np.float64]:
        """The action that moves the mocap body, which pulls the hand as a soft spring would, towards a position.

        The hand's orientation is fixed in these tasks. `gripper` None leaves the fingers without effort.
        """
        delta = (position - self._data.mocap_pos[0]) / self._env.action_scale
        return np.clip([*delta, gripper or 0.0], -1.0, 1.0)

    def render(self, width: int, height: int) -> NDArray[np.uint8]:
        return self._camera.picture(width, height)[::-1, ::-1]  # the camera hangs upside down

    def close(self) -> None:
        self._camera.close()

    def _environment(self, kind: type[SawyerXYZEnv]) -> SawyerXYZEnv:
        """The simulator; variants of a task have one of their own."""
        return kind()
