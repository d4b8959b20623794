"""Robot and world: shapes that are made once, and moved with their frames."""

from __future__ import annotations

import time
from collections import deque

import numpy as np
import trimesh
import viser
from numpy.typing import NDArray

from sdm_cockpit.snapshot import Pose, Scene, Shape

# A robot of fine meshes is brought in over several snapshots, so that what changes goes on being shown meanwhile.
LOADING_S = 0.05
_MAX_FACES = 500_000
# What moves less is not sent again.
_STANDS_M, _STANDS_QUATERNION = 1e-4, 1e-4
_SEE_THROUGH = 0.3
# Round enough at a robot's scale.
_SECTIONS = 24


class BodyShapes:
    """The shapes of a Scene, each beneath the frame that carries it."""

    def __init__(self, scene: viser.SceneApi, gui: viser.GuiApi) -> None:
        self._scene = scene
        self._see_through = gui.add_checkbox("see through robot and world", False)
        self._see_through.on_update(self._on_see_through)
        self._drawn: list[tuple[viser.MeshHandle, float]] = []
        self._version: int | None = None
        self._waiting: deque[Shape] = deque()
        self._frames: dict[str, viser.FrameHandle] = {}
        self._poses: dict[str, NDArray[np.float64]] = {}
        self._meshes: dict[str, trimesh.Trimesh] = {}
        self._problems: list[str] = []

    def show(self, scene: Scene | None, frames: dict[str, Pose]) -> tuple[str, ...]:
        """Draws what is new of `scene` and moves the rest; a line for each shape that cannot be drawn."""
        if scene is not None and scene.version != self._version:
            self._begin(scene)
        self._load()
        for name, handle in self._frames.items():
            pose = frames.get(name)
            if pose is not None:
                self._move(name, handle, pose)
        missing = [name for name in self._frames if name not in frames and name not in self._poses]
        lost = (f"scene: no pose of {_listed(missing)}",) if missing else ()
        return (*self._problems, *lost)

    def _begin(self, scene: Scene) -> None:
        for handle in self._frames.values():
            handle.remove()
        self._version = scene.version
        self._waiting = deque(scene.shapes)
        self._frames, self._poses, self._problems, self._drawn = {}, {}, [], []
        for frame in dict.fromkeys(shape.frame for shape in scene.shapes):
            # Hidden until its place is known.
            self._frames[frame] = self._scene.add_frame(f"/bodies/{_node(frame)}", show_axes=False, visible=False)

    def _load(self) -> None:
        until = time.monotonic() + LOADING_S
        while self._waiting:
            shape = self._waiting.popleft()
            try:
                self._draw(shape)
            except Exception as error:  # whatever a reader of meshes makes of a broken file
                self._problems.append(f"scene: {shape.name} is not drawn: {_one_line(error)}")
            if time.monotonic() >= until:
                break

    def _draw(self, shape: Shape) -> None:
        red, green, blue, alpha = shape.colour
        if not np.isfinite([*shape.size, *shape.colour, *shape.pose.position, *shape.pose.quaternion]).all():
            raise ValueError("its size, colour or pose is not finite")
        mesh = self._mesh(shape)
        if len(mesh.faces) > _MAX_FACES:
            raise ValueError(f"{shape.mesh} has {len(mesh.faces):,} faces; give a mesh of {_MAX_FACES:,} at most")
        handle = self._scene.add_mesh_simple(
            f"/bodies/{_node(shape.frame)}/{_node(shape.name)}",
            np.asarray(mesh.vertices, np.float32),
            np.asarray(mesh.faces, np.uint32),
            color=(red, green, blue),
            opacity=self._opacity(alpha),
            flat_shading=shape.kind != "sphere",
            scale=tuple(shape.size.tolist()),
            wxyz=_wxyz(shape.pose.quaternion),
            position=shape.pose.position,
            cast_shadow=False,
            receive_shadow=False,
        )
        self._drawn.append((handle, alpha))

    def _opacity(self, alpha: float) -> float | None:
        """None is opaque."""
        shown = min(alpha, _SEE_THROUGH) if self._see_through.value else alpha
        return None if shown >= 1.0 else shown

    async def _on_see_through(self, event: viser.GuiEvent) -> None:
        for handle, alpha in self._drawn:
            handle.opacity = self._opacity(alpha)

    def _mesh(self, shape: Shape) -> trimesh.Trimesh:
        """The shape before it is scaled by its size."""
        source = shape.mesh if shape.kind == "mesh" else shape.kind
        if source not in self._meshes:
            self._meshes[source] = _made(shape)
        return self._meshes[source]

    def _move(self, name: str, handle: viser.FrameHandle, pose: Pose) -> None:
        now = np.concatenate([pose.position, pose.quaternion])
        if not np.isfinite(now).all():
            return
        before = self._poses.get(name)
        if before is None:
            handle.visible = True
        else:
            change = np.abs(now - before)
            if change[:3].max() < _STANDS_M and change[3:].max() < _STANDS_QUATERNION:
                return
        self._poses[name] = now
        handle.position = pose.position
        handle.wxyz = _wxyz(pose.quaternion)


def _made(shape: Shape) -> trimesh.Trimesh:
    if shape.kind == "mesh":
        mesh = trimesh.load(shape.mesh, force="mesh")
        if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
            raise ValueError(f"{shape.mesh} holds no triangles")
        return mesh
    if shape.kind == "box":
        return trimesh.creation.box()
    if shape.kind == "cylinder":
        return trimesh.creation.cylinder(radius=0.5, height=1.0, sections=_SECTIONS)
    return trimesh.creation.uv_sphere(radius=0.5, count=[_SECTIONS // 2, _SECTIONS])


def _wxyz(quaternion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of xyzw."""
    return np.roll(quaternion, 1)


def _node(name: str) -> str:
    """A frame's name as one step of the page's tree: its own slashes are no steps."""
    return name.replace("/", "∕")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
