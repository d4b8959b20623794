"""A task of the Franka cell: robot, cameras and a scenario, under the contract of the real cell."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray
from sdm_core.commands.command_space import conjugate, multiply
from sdm_core.perception.point_cloud import Extrinsics

from sdm_sim.franka import fr3
from sdm_sim.franka.contract import CONTROL_HZ, POSITION_HIGH, POSITION_LOW, franka_contract
from sdm_sim.franka.expert import Expert
from sdm_sim.franka.robot import STATE_NAMES, Robot
from sdm_sim.franka.scenario import Scenario
from sdm_sim.franka.scene import CAMERA, TIMESTEP, WRIST, scene_xml
from sdm_sim.mujoco_world import MujocoWorld
from sdm_sim.task import SensorFrame, SolvedOnce
from sdm_sim.task_camera import TaskCamera

# 640×480 with the decimation of 4 that RealSense's own filter offers: still finer than a sampled cloud.
IMAGE_SIZE = (160, 120)
# An arm comes to its ready posture within so much of each joint's angle (rad).
_READY_SPREAD = 0.02


class FrankaTask(SolvedOnce):
    """See Task. Actions are absolute target poses of the tool; the world is the frame fr3_link0."""

    way = None
    score = None
    expert_kind = "scripted"
    arm_joints, gripper_joints = fr3.JOINTS, fr3.FINGER_JOINTS
    time_steps = round(1 / CONTROL_HZ / TIMESTEP)

    def __init__(self, name: str, scenario: Scenario, image_size: tuple[int, int] = IMAGE_SIZE) -> None:
        """`image_size`: width and height of both cameras in pixels, 640×480 or less of that."""
        self.name = name
        self.contract = franka_contract(name, scenario.seen_to, *image_size)
        self.step_limit = scenario.step_limit
        self.scenario = scenario
        self._model = mujoco.MjModel.from_xml_string(scene_xml(scenario.bodies, scenario.assets, scenario.extras))
        self._data = mujoco.MjData(self._model)
        self.world = MujocoWorld(self._model, self._data)
        self.robot = Robot(self._model, self._data)
        scenario.bind(self._model, self._data, self.robot)
        self.cameras = {camera: TaskCamera(self._model, self._data, camera, *image_size) for camera in (CAMERA, WRIST)}
        self._low, self._high = np.array(POSITION_LOW), np.array(POSITION_HIGH)
        self.reset(0)
        self.intrinsics, self.extrinsics = self.cameras[CAMERA].intrinsics, self.cameras[CAMERA].extrinsics
        self.wrist_intrinsics = self.cameras[WRIST].intrinsics

    def reset(self, seed: int) -> None:
        mujoco.mj_resetData(self._model, self._data)
        rng = np.random.default_rng([seed, 0])
        self.scenario.reset(seed, rng)
        self.robot.reset(rng.uniform(-_READY_SPREAD, _READY_SPREAD, len(fr3.JOINTS)))
        self._seed, self._expert = seed, None
        self._gripper = 0.0
        self._success_steps, self._into_period = 0, 0

    def step(self, action: NDArray[np.float64]) -> None:
        self.advance(action, self.time_steps)

    def advance(self, action: NDArray[np.float64], time_steps: int) -> None:
        """Goes on by so many time steps of the physics; whether the task is done is asked once a control period."""
        command = action.copy()
        command[:3] = np.clip(action[:3], self._low, self._high)
        self._gripper = float(action[7])
        self.robot.step(command, time_steps, self.scenario.before_step)
        self._into_period = (self._into_period + time_steps) % self.time_steps
        if not self._into_period:
            self._success_steps += self.scenario.solved()

    def observe(self, depth: bool = True, images: bool = False) -> SensorFrame:
        colour = {name: camera.colour() for name, camera in self.cameras.items()} if images else {}
        return SensorFrame(STATE_NAMES, self.robot.state, self.cameras[CAMERA].depth() if depth else None, colour)

    def expert(self) -> NDArray[np.float64]:
        if self._expert is None:
            plan = self.scenario.plan(np.random.default_rng([self._seed, 1]))
            self._expert = Expert(plan, self.robot, self.contract)
        return self._expert.action()

    def action_towards(
        self, position: NDArray[np.float64], quaternion_xyzw: NDArray[np.float64], gripper: float | None
    ) -> NDArray[np.float64]:
        """A pose target as an action, which it is; `gripper` None leaves the hand as it was told last."""
        return np.array([*position, *quaternion_xyzw, self._gripper if gripper is None else gripper])

    @property
    def wrist_in_tool(self) -> Extrinsics:
        """Pose of the wrist camera's optical frame in the tool's, which does not change."""
        camera, tool = self.cameras[WRIST].extrinsics, self.robot.pose
        inverse = conjugate(tool[3:])
        off = np.append(camera.translation - tool[:3], 0.0)
        x, y, z, _ = multiply(multiply(inverse, off), tool[3:]).tolist()
        qx, qy, qz, qw = multiply(inverse, np.array(camera.quaternion_xyzw)).tolist()
        return Extrinsics((qx, qy, qz, qw), (x, y, z))

    def wrist_depth(self) -> NDArray[np.uint16]:
        """What the camera at the hand sees now: uint16[H,W] millimetres."""
        return self.cameras[WRIST].depth()

    def render(self, width: int, height: int) -> NDArray[np.uint8]:
        return self.cameras[CAMERA].picture(width, height)

    def close(self) -> None:
        for camera in self.cameras.values():
            camera.close()
