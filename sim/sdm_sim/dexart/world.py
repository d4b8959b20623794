"""DexArt's table with the robot and one object, in sapien. It is built anew for each episode, which so begins alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import sapien
from numpy.typing import NDArray

from sdm_sim.dexart.articulated_object import ArticulatedObject
from sdm_sim.dexart.assets import ObjectFiles
from sdm_sim.dexart.robot import Robot
from sdm_sim.dexart.rules import Moment
from sdm_sim.dexart.settings import Setting
from sdm_sim.dexart.urdf import Visual
from sdm_sim.dexart.visual_mirror import Part

TIMESTEP, SUBSTEPS = 0.004, 10
CONTROL_HZ = 1 / (TIMESTEP * SUBSTEPS)
_TABLE_HALF = (0.65, 0.65, 0.025)
_PLINTH_HALF = (0.1, 0.2)
# Static and dynamic friction, and restitution of the table.
_TABLE_MATERIAL = (1.0, 0.5, 0.01)
_WOOD = (0.62, 0.5, 0.4, 1.0)


class World:
    """The scene of one episode."""

    def __init__(self, robot_file: Path, object_files: ObjectFiles, setting: Setting) -> None:
        # As sapien 2 had it by default, on which DexArt was made.
        sapien.physx.set_scene_config(enable_pcm=False, enable_tgs=False, enable_enhanced_determinism=True)
        self._scene = sapien.Scene([sapien.physx.PhysxCpuSystem()])
        self._scene.set_timestep(TIMESTEP)
        furniture = [self._add_box("table", sapien.Pose([0, 0, -_TABLE_HALF[2]]), _TABLE_HALF, _TABLE_MATERIAL)]
        if setting.base_height > 0:
            half_height = setting.base_height / 2
            middle = sapien.Pose([setting.base[0], setting.base[1], half_height])
            furniture.append(self._add_box("plinth", middle, (*_PLINTH_HALF, half_height)))
        self.robot = Robot(self._scene, robot_file, setting.base)
        self.object = ArticulatedObject(self._scene, object_files, setting)
        self._links = (*self.robot.links, *self.object.links)
        self._furniture = [pose for pose, _ in furniture]
        self.parts = (*(part for _, part in furniture), *self.robot.parts, *self.object.visuals)

    @property
    def poses(self) -> list[sapien.Pose]:
        """Where the parts are, in their order."""
        return [*self._furniture, *(link.entity_pose for link in self._links)]

    def step(self, action: NDArray[np.float64]) -> None:
        """One control period under an action; see Robot.command."""
        self.robot.command(action, TIMESTEP * SUBSTEPS)
        for _ in range(SUBSTEPS):
            self.robot.bear_weight()
            self._scene.step()

    def moment(self) -> Moment:
        """What the rules look at."""
        fingers, palm = self.robot.touch(self.object.part)
        return Moment(
            turned=self.object.turned,
            opened=self.object.opened,
            distance=float(np.linalg.norm(self.robot.palm.entity_pose.p - self.object.handle)),
            fingers=fingers,
            palm=palm,
            lifted=self.object.lifted,
        )

    def _add_box(
        self,
        name: str,
        pose: sapien.Pose,
        half_size: tuple[float, float, float],
        material: tuple[float, float, float] | None = None,
    ) -> tuple[sapien.Pose, Part]:
        builder = self._scene.create_actor_builder()
        builder.add_box_collision(
            half_size=half_size, material=self._scene.create_physical_material(*material) if material else None
        )
        builder.set_initial_pose(pose)
        builder.build_static(name)
        return pose, Part((Visual("box", half_size, sapien.Pose()),), _WOOD)
