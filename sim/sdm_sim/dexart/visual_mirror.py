"""Sapien's world once more in MuJoCo, for the eyes only: sapien's own cameras need a graphics device, ours do not.

Each link's visual shapes are a body that is put where the link is. Meshes are read by sapien, so that both see the
same; colours are the mirror's own.
"""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import mujoco
import numpy as np
import sapien
from numpy.typing import NDArray

from sdm_sim.dexart.settings import View
from sdm_sim.dexart.urdf import Visual

CAMERA = "view"
FOVY_DEG = 69.4
_GEOMS = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
}
# Vertices within a cell of this size in m become one: at the robot's distance a pixel is three times as wide.
CELL = 0.003
Triangles = tuple[NDArray[np.float64], NDArray[np.int64]]


@dataclass(frozen=True)
class Part:
    """What moves as one: its shapes, and the colour rgba that they are painted in."""

    visuals: tuple[Visual, ...]
    colour: tuple[float, float, float, float]


class VisualMirror:
    """A model with a body for each part, and the camera."""

    def __init__(self, parts: Sequence[Part], view: View) -> None:
        spec = mujoco.MjSpec()
        spec.worldbody.add_light(pos=(0.5, 1.0, 2.0), dir=(-0.3, -0.6, -1.0), diffuse=(0.5, 0.5, 0.5))
        spec.worldbody.add_camera(name=CAMERA, pos=view.position, quat=_quaternion(view), fovy=FOVY_DEG)
        for index, part in enumerate(parts):
            _add_part(spec, f"part {index}", part)
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)

    def show(self, poses: Iterable[sapien.Pose]) -> None:
        """Puts each part, in their order, where it is in the world."""
        for index, pose in enumerate(poses):
            self.data.mocap_pos[index], self.data.mocap_quat[index] = pose.p, pose.q
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)


def _add_part(spec: mujoco.MjSpec, name: str, part: Part) -> None:
    body = spec.worldbody.add_body(name=name, mocap=True)
    painted = {"rgba": part.colour, "contype": 0, "conaffinity": 0}
    meshes = []
    for visual in part.visuals:
        if visual.mesh is not None:
            meshes.append(_placed(visual.pose, *_read_mesh(visual.mesh, visual.size)))
            continue
        size = (*visual.size, 0.0, 0.0)[:3]
        body.add_geom(type=_GEOMS[visual.kind], size=size, pos=visual.pose.p, quat=visual.pose.q, **painted)
    if meshes:
        vertices, faces = _joined(meshes)
        mesh = spec.add_mesh(name=name, uservert=vertices.ravel(), userface=faces.ravel())
        mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL  # of surfaces, which need not enclose anything
        body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, **painted)


@cache
def _read_mesh(path: Path, scale: tuple[float, ...]) -> Triangles:
    """Vertices float64[V,3] in m and faces int64[F,3] of a file, all of its parts together and no finer than needed."""
    shape = sapien.physx.PhysxCollisionShapeTriangleMesh(
        str(path), (1.0, 1.0, 1.0), sapien.physx.get_default_material()
    )
    return _thinned(shape.get_vertices().astype(np.float64) * scale, shape.get_triangles().astype(np.int64))


def _thinned(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> Triangles:
    """The mesh with a vertex for each cell; as it is where nothing would be left of it."""
    _, cell, sizes = np.unique(np.rint(vertices / CELL), axis=0, return_inverse=True, return_counts=True)
    middles = np.stack([np.bincount(cell, vertices[:, axis]) for axis in range(3)], axis=1) / sizes[:, None]
    merged = cell[faces]
    a, b, c = merged.T
    merged = np.unique(merged[(a != b) & (b != c) & (c != a)], axis=0)
    return (middles, merged) if len(merged) else (vertices, faces)


def _placed(pose: sapien.Pose, vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> Triangles:
    matrix = pose.to_transformation_matrix()
    return vertices @ matrix[:3, :3].T + matrix[:3, 3], faces


def _joined(meshes: list[Triangles]) -> Triangles:
    """One mesh of several, each face from both sides: many of PartNet's surfaces show their back."""
    offsets = np.cumsum([0, *(len(vertices) for vertices, _ in meshes)])
    faces = np.concatenate([faces + offset for offset, (_, faces) in zip(offsets, meshes, strict=False)])
    return np.concatenate([vertices for vertices, _ in meshes]), np.concatenate([faces, faces[:, ::-1]])


def _quaternion(view: View) -> NDArray[np.float64]:
    """Of a camera that looks along its −z, with x to the right."""
    forward, right = (np.array(axis) / np.linalg.norm(axis) for axis in (view.forward, view.right))
    right = right - (right @ forward) * forward
    right /= np.linalg.norm(right)
    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, np.stack([right, np.cross(right, forward), -forward], axis=1).ravel())
    return quaternion
