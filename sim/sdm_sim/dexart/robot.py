"""The xArm6 with an Allegro hand, as DexArt drives it: the wrist by its velocity, the fingers by joint positions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import sapien
from numpy.typing import NDArray
from sdm_core.errors import TaskError

from sdm_sim.dexart.settings import Vector3
from sdm_sim.dexart.urdf import read_urdf
from sdm_sim.dexart.visual_mirror import Part

ARM_JOINTS = tuple(f"joint{number}" for number in range(1, 7))
PALM = "base_link"
FINGERS = {
    "thumb": ("link_14.0", "link_15.0", "link_15.0_tip"),
    "index": ("link_1.0", "link_2.0", "link_3.0", "link_3.0_tip"),
    "middle": ("link_5.0", "link_6.0", "link_7.0", "link_7.0_tip"),
    "ring": ("link_9.0", "link_10.0", "link_11.0", "link_11.0_tip"),
}
# Neighbours in the palm, which overlap.
_KNUCKLES = (PALM, "link_1.0", "link_5.0", "link_9.0", "link_13.0")
_IGNORE_EACH_OTHER = [1, 1, 17, 0]
# Stiffness, damping and greatest force of the drives. The arm's are beyond a real one's, for stability.
_ARM_DRIVE, _FINGER_DRIVE = (200_000.0, 40_000.0, 500.0), (200.0, 60.0, 10.0)
# Static and dynamic friction, restitution; contacts are patches, of radii in m.
_MATERIAL, _PATCH_RADIUS, _MIN_PATCH_RADIUS = (1.5, 1.0, 0.01), 0.04, 0.02
_DAMPING, _MAX_JOINT_SPEED = 0.05, np.pi
# The sum of a contact's impulses below which it is none, in N s.
_MIN_IMPULSE = 1e-2
_GREY = (0.35, 0.35, 0.38, 1.0)


class Robot:
    """The robot in a scene. Its joints are named, and their values ordered, as in its file: the arm's come first."""

    def __init__(self, scene: sapien.Scene, file: Path, base: Vector3) -> None:
        """Raises TaskError where the file is of another robot."""
        urdf = read_urdf(file)
        loader = scene.create_urdf_loader()
        loader.set_material(*_MATERIAL)
        loader.set_patch_radius(_PATCH_RADIUS)
        loader.set_min_patch_radius(_MIN_PATCH_RADIUS)
        builder = urdf.builder(loader)
        for link in builder.link_builders:
            if link.name in _KNUCKLES:
                link.collision_groups = _IGNORE_EACH_OTHER
        self._scene, self._body = scene, builder.build(fix_root_link=True)
        self._body.set_root_pose(sapien.Pose(base))
        links = {link.name: link for link in self._body.links}
        joints = {joint.name: index for index, joint in enumerate(self._body.active_joints)}
        lacking = {*_KNUCKLES, *sum(FINGERS.values(), ()), *ARM_JOINTS} - links.keys() - joints.keys()
        if lacking or urdf.joints[: len(ARM_JOINTS)] != ARM_JOINTS:
            raise TaskError(
                f"{file}: not DexArt's robot, it lacks {', '.join(sorted(lacking)) or 'its order of joints'}"
            )
        self.joint_names = urdf.joints
        self._order = [joints[name] for name in self.joint_names]
        self._drives = [self._body.active_joints[index] for index in self._order]
        self._arm = self._drives[: len(ARM_JOINTS)]
        for joint in self._drives:
            joint.set_drive_property(*(_ARM_DRIVE if joint in self._arm else _FINGER_DRIVE))
        self._limits = self._body.qlimits[self._order]
        self._wrist = self._arm[-1].child_link
        self.palm = links[PALM]
        self._touching = {links[name].entity.per_scene_id: finger for finger, its in FINGERS.items() for name in its}
        self._touching[self.palm.entity.per_scene_id] = PALM
        self.links = tuple(self._body.links)
        self.parts = tuple(Part(urdf.visuals[link.name], _GREY) for link in self.links)

    @property
    def positions(self) -> NDArray[np.float64]:
        """Of the joints, in rad."""
        return self._body.qpos[self._order].astype(np.float64)

    def command(self, action: NDArray[np.float64], duration: float) -> None:
        """Sets the drives for `duration` seconds.

        The action's first six are the velocity of the wrist's centre of mass in m/s and its turn in rad/s, in the
        world; the others place the fingers' joints between their limits, at -1 and 1.
        """
        arm = len(ARM_JOINTS)
        jacobian = self._jacobian()
        damped = jacobian @ jacobian.T + _DAMPING**2 * np.eye(6)
        speeds = np.clip(jacobian.T @ np.linalg.solve(damped, action[:6]), -_MAX_JOINT_SPEED, _MAX_JOINT_SPEED)
        low, high = self._limits[arm:].T
        targets = [*(self.positions[:arm] + speeds * duration), *(low + (action[6:] + 1) / 2 * (high - low))]
        for joint, target, speed in zip(self._drives, targets, [*speeds, *np.zeros(len(low))], strict=True):
            joint.set_drive_target(float(target))
            joint.set_drive_velocity_target(float(speed))

    def bear_weight(self) -> None:
        """Balances the robot's own weight for the next step of the simulator."""
        self._body.set_qf(self._body.compute_passive_force(gravity=True, coriolis_and_centrifugal=False))

    def touch(self, link: sapien.physx.PhysxArticulationLinkComponent) -> tuple[int, bool]:
        """How many fingers touch a link, and whether the palm does."""
        touched, other = set(), link.entity.per_scene_id
        for contact in self._scene.get_contacts():
            pair = {body.entity.per_scene_id for body in contact.bodies}
            if other not in pair or np.abs([point.impulse for point in contact.points]).sum() < _MIN_IMPULSE:
                continue
            touched |= {self._touching.get(body) for body in pair - {other}}
        return len(touched & FINGERS.keys()), PALM in touched

    def _jacobian(self) -> NDArray[np.float64]:
        """[6,6], of the velocity of the wrist's centre of mass and of its turn, in the world, by the arm's joints."""
        centre = (self._wrist.entity_pose * self._wrist.cmass_local_pose).to_transformation_matrix()[:3, 3]
        columns = []
        for joint in self._arm:
            frame = joint.get_global_pose().to_transformation_matrix()
            axis = frame[:3, 0]
            columns.append(np.append(np.cross(axis, centre - frame[:3, 3]), axis))
        return np.array(columns, np.float64).T
