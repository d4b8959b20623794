"""The shapes of which a MuJoCo world consists for a camera, body by body."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from sdm_sim.depth_camera import VISIBLE_GROUPS

Vector = NDArray[np.float64]

# A plane is drawn as a plate so thick, and no wider than this from its middle (m): to MuJoCo many have no end.
PLATE, REACH = 0.002, 1.5
# What MuJoCo gives a geom that is told no colour; it has its material's then.
_UNPAINTED = np.array([0.5, 0.5, 0.5, 1.0], np.float32)


@dataclass(frozen=True, eq=False)
class Shape:
    """A `box`, `sphere` (an ellipsoid, where its sizes differ), `cylinder` (along z) or `mesh` of a body."""

    body: int
    kind: str
    size: Vector
    """Its full extents (m) along its own axes, float64[3]; 1 of a mesh, whose vertices are in m."""
    position: Vector
    """Of its centre in the body's frame (m), float64[3]."""
    wxyz: Vector
    """Its orientation in the body's frame, float64[4]."""
    rgba: Vector
    """float64[4], each 0 to 1."""
    mesh: int = -1
    """Which of the model's meshes it is."""


def visible_geoms(model: mujoco.MjModel) -> NDArray[np.int64]:
    """The geoms that a camera sees: of the groups that are drawn, and not transparent altogether."""
    drawn = VISIBLE_GROUPS[model.geom_group] > 0
    return np.array([geom for geom in np.flatnonzero(drawn).tolist() if _paint(model, geom)[3] > 0], np.int64)


def visible_shapes(model: mujoco.MjModel) -> list[Shape]:
    """The shapes of all visible geoms. A capsule is three; height fields have none."""
    return [shape for geom in visible_geoms(model) for shape in _shapes(model, int(geom))]


def triangles(model: mujoco.MjModel, mesh: int) -> NDArray[np.float32]:
    """The faces of a mesh, float32[F,3,3] in m, in the frame of its shapes."""
    vertices, faces = model.mesh_vertadr[mesh], model.mesh_faceadr[mesh]
    of_mesh = model.mesh_face[faces : faces + model.mesh_facenum[mesh]]
    return model.mesh_vert[vertices : vertices + model.mesh_vertnum[mesh]][of_mesh]


def body_name(model: mujoco.MjModel, body: int) -> str:
    """Its name, or `body_<number>` where it has none."""
    return model.body(body).name or f"body_{body}"


def _shapes(model: mujoco.MjModel, geom: int) -> Iterator[Shape]:
    kind, size = mujoco.mjtGeom(model.geom_type[geom]), model.geom_size[geom]
    position, wxyz = model.geom_pos[geom].copy(), model.geom_quat[geom].copy()
    axis = _axis(wxyz)

    def shape(name: str, extents: list[float], along: float = 0.0, mesh: int = -1) -> Shape:
        place = position + along * axis
        return Shape(int(model.geom_bodyid[geom]), name, np.array(extents), place, wxyz, _colour(model, geom), mesh)

    if kind == mujoco.mjtGeom.mjGEOM_PLANE:
        x, y = (2 * min(half or REACH, REACH) for half in size[:2].tolist())
        yield shape("box", [x, y, PLATE], along=-PLATE / 2)
    elif kind == mujoco.mjtGeom.mjGEOM_BOX:
        yield shape("box", [2 * half for half in size.tolist()])
    elif kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        yield shape("sphere", [2 * float(size[0])] * 3)
    elif kind == mujoco.mjtGeom.mjGEOM_ELLIPSOID:
        yield shape("sphere", [2 * half for half in size.tolist()])
    elif kind in (mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_CAPSULE):
        width, half = 2 * float(size[0]), float(size[1])
        yield shape("cylinder", [width, width, 2 * half])
        if kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
            yield from (shape("sphere", [width] * 3, along) for along in (-half, half))
    elif kind in (mujoco.mjtGeom.mjGEOM_MESH, mujoco.mjtGeom.mjGEOM_SDF):
        yield shape("mesh", [1.0] * 3, mesh=int(model.geom_dataid[geom]))


def _axis(wxyz: Vector) -> Vector:
    """The z axis of an orientation."""
    axis = np.zeros(3)
    mujoco.mju_rotVecQuat(axis, np.array([0.0, 0.0, 1.0]), wxyz)
    return axis


def _paint(model: mujoco.MjModel, geom: int) -> Vector:
    """rgba of a geom, its own or its material's."""
    own, material = model.geom_rgba[geom], model.geom_matid[geom]
    rgba = own if material < 0 or not np.array_equal(own, _UNPAINTED) else model.mat_rgba[material]
    return rgba.astype(np.float64)


def _colour(model: mujoco.MjModel, geom: int) -> Vector:
    """The paint of a geom, times the mean of its texture, if it has one."""
    rgba, material = _paint(model, geom), model.geom_matid[geom]
    texture = model.mat_texid[material, mujoco.mjtTextureRole.mjTEXROLE_RGB] if material >= 0 else -1
    if texture >= 0:
        rgba[:3] *= _mean_colour(model, texture)
    return rgba


def _mean_colour(model: mujoco.MjModel, texture: int) -> Vector:
    """Of about a thousand pixels, float64[3]."""
    channels = model.tex_nchannel[texture]
    count = model.tex_height[texture] * model.tex_width[texture]
    pixels = model.tex_data[model.tex_adr[texture] :][: count * channels].reshape(count, channels)
    return pixels[:: max(1, count // 1000), :3].mean(0) / 255
