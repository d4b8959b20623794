"""One of DexArt's objects: a laptop, a faucet, a toilet or a bucket, with a part to be moved."""

from __future__ import annotations

import numpy as np
import sapien
from numpy.typing import NDArray
from sapien.physx import PhysxCollisionShapeConvexMesh

from sdm_sim.dexart.assets import ObjectFiles
from sdm_sim.dexart.settings import Setting
from sdm_sim.dexart.urdf import read_urdf
from sdm_sim.dexart.visual_mirror import Part

# Static and dynamic friction, and restitution.
_ROUGH = (1.0, 1.0, 0.1)
_IGNORE_EACH_OTHER = [1, 1, 1, 0]
_WHITE, _ORANGE = (0.85, 0.85, 0.82, 1.0), (0.9, 0.5, 0.15, 1.0)


class ArticulatedObject:
    """The object in a scene."""

    def __init__(self, scene: sapien.Scene, files: ObjectFiles, setting: Setting) -> None:
        urdf = read_urdf(files.urdf, files.scale)
        loader = scene.create_urdf_loader()
        loader.scale = files.scale
        loader.load_multiple_collisions_from_file = True
        loader.set_density(setting.density)
        for link, density in setting.link_densities.items():
            loader.set_link_density(link, density)
        if not setting.slippery:
            loader.set_material(*_ROUGH)
        builder = urdf.builder(loader)
        for link in builder.link_builders:
            if link.name in files.quiet_pair:
                link.collision_groups = _IGNORE_EACH_OTHER
        self._files, self._setting = files, setting
        self._articulation = builder.build(fix_root_link=setting.fixed)
        for joint in self._articulation.joints:
            joint.set_friction(setting.joint_friction)
        joints = self._articulation.active_joints
        names = [joint.name for joint in joints]
        self._index = 0 if files.part_joint is None else names.index(files.part_joint)
        self._limit_joints()
        self.part = joints[self._index].child_link
        self._body = self._articulation.find_link_by_name(setting.body) if setting.body else self._articulation.root
        self._handle = self._find_handle()
        self.links = tuple(self._articulation.links)
        self.visuals = tuple(
            Part(urdf.visuals[link.name], _ORANGE if link.name == self.part.name else _WHITE) for link in self.links
        )

    def place(self, position: NDArray[np.float64], heading: float) -> None:
        """Puts it at a position in m with a heading in rad, closed but for a gap."""
        turned = [np.cos(heading / 2), 0.0, 0.0, np.sin(heading / 2)]
        self._articulation.set_root_pose(sapien.Pose(position.tolist(), turned))
        self._set_joint(self._files.left + self._setting.ajar)
        self._begun_at = self._body.entity_pose.p[2]

    @property
    def turned(self) -> float:
        """See rules.Moment."""
        return abs(self._joint)

    @property
    def opened(self) -> float:
        """See rules.Moment."""
        way = abs(self._files.left - self._files.middle) - self._setting.ajar
        return 1.0 - abs(self._joint - self._files.middle) / way if way > 0 else 0.0

    @property
    def lifted(self) -> float:
        """See rules.Moment."""
        return float(self._body.entity_pose.p[2] - self._begun_at)

    @property
    def handle(self) -> NDArray[np.float64]:
        """Where the part is to be grasped, in m in the world."""
        return np.array((self.part.entity_pose * self._handle).p, np.float64)

    @property
    def _joint(self) -> float:
        return float(self._articulation.qpos[self._index])

    def _set_joint(self, value: float) -> None:
        positions = np.zeros(self._articulation.dof, np.float32)
        positions[self._index] = value
        self._articulation.set_qpos(positions)

    def _limit_joints(self) -> None:
        for index, joint in enumerate(self._articulation.active_joints):
            low = joint.limits[0, 0]
            if index == self._index and self._files.limits:
                joint.set_limits([self._files.limits])
            elif index != self._index and self._setting.others_locked:
                joint.set_limits([[low, low]])

    def _find_handle(self) -> sapien.Pose:
        """In the part's frame: of its outermost vertex what lies ahead and above, across the middle of them all."""
        if self._setting.handle == "origin":
            return sapien.Pose()
        top = self._setting.handle == "top"
        self._set_joint(self._files.middle if top else 0.0)
        frame = self.part.entity_pose
        vertices = _collision_vertices(self.part) @ frame.to_transformation_matrix()[:3, :3].T + frame.p
        outermost = vertices[vertices[:, 2 if top else 0].argmax()]
        return frame.inv() * sapien.Pose([outermost[0], vertices[:, 1].mean(), outermost[2]])


def _collision_vertices(link: sapien.physx.PhysxArticulationLinkComponent) -> NDArray[np.float64]:
    """Of a link's convex meshes, in its frame: float64[V,3]."""
    vertices = []
    for shape in link.collision_shapes:
        if isinstance(shape, PhysxCollisionShapeConvexMesh):
            place = shape.get_local_pose().to_transformation_matrix()
            vertices.append(shape.get_vertices() * shape.get_scale() @ place[:3, :3].T + place[:3, 3])
    return np.concatenate(vertices).astype(np.float64)
