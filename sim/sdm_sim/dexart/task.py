"""DexArt's four tasks (Bao et al., 2023) in sapien 3, from a user's copy of its assets.

DexArt's own robot, drives, states, placements and camera, with DP3's rules of success and length of episodes. What
differs: the physics is sapien 3's, which DexArt's sapien 2 is not; a cloud has no noise and no points of the robot's
links beside those that are seen; the depth comes from a mirror of the scene (see visual_mirror.py). DexArt's experts
are pickled, and not read: demonstrations are a user's own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import ActionSpec, CloudSpec, Contract
from sdm_core.errors import TaskError

from sdm_sim.dexart.assets import Assets
from sdm_sim.dexart.robot import ARM_JOINTS, PALM
from sdm_sim.dexart.rules import Verdict, verdict
from sdm_sim.dexart.settings import SETTINGS
from sdm_sim.dexart.visual_mirror import CAMERA, VisualMirror
from sdm_sim.dexart.world import CONTROL_HZ, World
from sdm_sim.task import SensorFrame
from sdm_sim.task_camera import TaskCamera
from sdm_sim.task_contract import actions, depth_camera, states, task_contract

# DP3 looks at so many steps; see Setting.horizon for DexArt's own.
STEP_LIMIT = 50
# Enough pixels for 512 points; DexArt has 64 × 64, and DP3 84 × 84.
IMAGE_SIZE = 128
PALM_POSITION = ("palm.x", "palm.y", "palm.z")


def dexart_contract(task: str, joints: tuple[str, ...]) -> Contract:
    """The contract of `dexart/<task>`; `joints` are the arm's and then the hand's."""
    setting = SETTINGS[task]
    x, y, z = setting.base
    (low_x, low_y, low_z), (high_x, high_y, high_z) = setting.crop_low, setting.crop_high
    hand = joints[len(ARM_JOINTS) :]
    return task_contract(
        f"dexart/{task}",
        CONTROL_HZ,
        (
            *states("rad", *joints),
            *states("m/s", "palm.vx", "palm.vy", "palm.vz"),
            *states("rad/s", "palm.wx", "palm.wy", "palm.wz"),
            *states("m", *PALM_POSITION),
            *states("1", *(("palm.up",) if task == "bucket" else ()), "elapsed"),
        ),
        CloudSpec(
            frame="world",
            crop_low=(x + low_x, y + low_y, z + low_z),
            crop_high=(x + high_x, y + high_y, z + high_z),
            centre=PALM_POSITION,
            scale=0.3,
        ),
        ActionSpec(
            kind="native",
            entries=(
                *actions("m/s", -1, 1, "wrist.vx", "wrist.vy", "wrist.vz"),
                *actions("rad/s", -1, 1, "wrist.wx", "wrist.wy", "wrist.wz"),
                *actions("half the range of the joint", -1, 1, *hand),
            ),
            base_frame="world",
            tool_frame=PALM,
            hold=(0.0,) * 6 + (None,) * len(hand),
        ),
        (depth_camera(IMAGE_SIZE),),
    )


class DexArtTask:
    """One of the four tasks. See Task."""

    way = None
    score = None
    expert_kind = None

    def __init__(self, task: str) -> None:
        """Raises TaskError where assets are missing."""
        self.name, self._task, self._setting = f"dexart/{task}", task, SETTINGS[task]
        self.step_limit = STEP_LIMIT
        self._assets = Assets()
        self._mirrored: int | None = None
        self.reset(0)
        self.contract = dexart_contract(task, self._world.robot.joint_names)
        self._names = self.contract.state_names
        self._look()
        self.intrinsics, self.extrinsics = self._camera.intrinsics, self._camera.extrinsics

    def reset(self, seed: int) -> None:
        """Raises TaskError where assets are missing."""
        rng = np.random.default_rng(seed)
        self._number = int(rng.choice(self._setting.objects))
        files = self._assets.object(self._task, self._number)
        self._world = World(self._assets.robot, files, self._setting)
        turn = rng.uniform(-1.0, 1.0) * self._setting.turn
        self._world.object.place(files.position + rng.random(3) * self._setting.shift, self._setting.heading + turn)
        self._verdict, self._settled = Verdict(False, False), False
        self._steps = self._success_steps = 0

    def step(self, action: NDArray[np.float64]) -> None:
        self._world.step(np.clip(action, -1.0, 1.0))
        self._steps += 1
        self._verdict = verdict(self._task, self._world.moment())
        self._settled |= self._verdict.settled
        self._success_steps += self.succeeded

    def observe(self, depth: bool = True, images: bool = False) -> SensorFrame:
        palm = self._world.robot.palm
        forward = palm.entity_pose.to_transformation_matrix()[:3, 0]
        values = np.concatenate(
            [
                self._world.robot.positions,
                palm.linear_velocity,
                palm.angular_velocity,
                palm.entity_pose.p,
                forward[2:] if self._task == "bucket" else [],
                [self._steps / self._setting.horizon],
            ]
        )
        if depth or images:
            self._look()
        return self._camera.frame(self._names, values, depth, images)

    @property
    def succeeded(self) -> bool:
        return self._settled or self._verdict.solved

    @property
    def decided(self) -> bool:
        return self._settled

    @property
    def success_steps(self) -> int:
        return self._success_steps

    def expert(self) -> NDArray[np.float64]:
        raise TaskError(f"{self.name} has no scripted expert, and DexArt's are not read: they would be unpickled")

    def render(self, width: int, height: int) -> NDArray[np.uint8]:
        self._look()
        return self._camera.picture(width, height)

    def close(self) -> None:
        self._camera.close()

    def _look(self) -> None:
        """Brings the mirror up to date; its meshes and renderers stay while the object is the same."""
        if self._mirrored != self._number:
            if self._mirrored is not None:
                self._camera.close()
            self._mirror = VisualMirror(self._world.parts, self._setting.view)
            self._camera = TaskCamera(self._mirror.model, self._mirror.data, CAMERA, IMAGE_SIZE)
            self._mirrored = self._number
        self._mirror.show(self._world.poses)
