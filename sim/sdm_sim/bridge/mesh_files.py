"""A model's meshes as STL files, for viewers that are told of meshes by their address."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import tempfile
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from sdm_sim.scene_shapes import triangles

# Binary STL: a header that says nothing, the number of faces, and each face in so many bytes.
_HEADER = b" " * 80
_FACE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])


class MeshFiles:
    """A folder of its own, which `close` removes; a mesh is written when it is first asked for."""

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._folder = tempfile.TemporaryDirectory(prefix="sdm_scene_")
        self._written: dict[int, str] = {}

    def uri(self, mesh: int) -> str:
        """The file of a mesh, as file://."""
        if mesh not in self._written:
            path = Path(self._folder.name, f"mesh_{mesh}.stl")
            path.write_bytes(stl(triangles(self._model, mesh)))
            self._written[mesh] = path.as_uri()
        return self._written[mesh]

    def close(self) -> None:
        """Removes the folder."""
        self._folder.cleanup()


def stl(corners: NDArray[np.float32]) -> bytes:
    """The binary STL of faces [F,3,3]."""
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    faces = np.zeros(len(corners), _FACE)
    faces["normal"] = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    faces["corners"] = corners
    return _HEADER + np.uint32(len(corners)).astype("<u4").tobytes() + faces.tobytes()
