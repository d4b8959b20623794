"""URDF files, taken apart: sapien is given what has weight and collides, the camera what is seen.

Sapien's own reader needs a graphics device as soon as a file names a colour.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import sapien
from numpy.typing import NDArray
from sapien.wrapper.articulation_builder import ArticulationBuilder
from sapien.wrapper.urdf_loader import URDFLoader
from sdm_core.errors import TaskError

# Sapien 2, on which DexArt was made, takes a link with less, or with an impossible inertia, for one of no weight.
MIN_INERTIA = 1e-8
_WEIGHTLESS = {"mass": "1e-6", "ixx": "1e-8", "iyy": "1e-8", "izz": "1e-8", "ixy": "0", "ixz": "0", "iyz": "0"}
_MOVABLE = ("revolute", "continuous", "prismatic")


@dataclass(frozen=True)
class Visual:
    """A shape that is seen, in its link's frame: a box of half sizes, a sphere of (radius,), a cylinder of (radius,
    half length) along z, or a mesh of scales; lengths in m."""

    kind: str
    size: tuple[float, ...]
    pose: sapien.Pose
    mesh: Path | None = None


@dataclass(frozen=True)
class Urdf:
    """What a file holds."""

    physical: str
    """The file without what is only seen."""
    visuals: dict[str, tuple[Visual, ...]]
    """By link."""
    joints: tuple[str, ...]
    """Those that move, in the file's order."""

    def builder(self, loader: URDFLoader) -> ArticulationBuilder:
        """What sapien makes of it, with the loader's settings."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "physical.urdf")
            path.write_text(self.physical)
            return loader.load_file_as_articulation_builder(str(path))


def read_urdf(path: Path, scale: float = 1.0) -> Urdf:
    """Reads a file; what is seen is scaled, as the loader scales the rest. Raises TaskError where it cannot be used."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise TaskError(f"{path}: no URDF ({error}); restore DexArt's own file") from None
    for mesh in root.iter("mesh"):
        file = (path.parent / mesh.get("filename", "")).resolve()
        if not file.is_file():
            raise TaskError(f"{path}: names the mesh {mesh.get('filename')}, which is not there; restore it")
        mesh.set("filename", str(file))
    visuals: dict[str, tuple[Visual, ...]] = {}
    for link in root.iter("link"):
        seen = link.findall("visual")
        visuals[link.get("name", "")] = tuple(_visual(element, scale) for element in seen)
        weights = link.findall("inertial")
        for element in (*seen, *weights[:-1]):  # of several weights sapien 2 took the last
            link.remove(element)
        for element in weights[-1:]:
            _make_possible(element)
    for material in root.findall("material"):
        root.remove(material)
    joints = tuple(joint.get("name", "") for joint in root.findall("joint") if joint.get("type") in _MOVABLE)
    return Urdf(ElementTree.tostring(root, encoding="unicode"), visuals, joints)


def _visual(element: Element, scale: float) -> Visual:
    origin, shape = element.find("origin"), element.find("geometry/*")
    assert shape is not None
    pose = sapien.Pose()
    if origin is not None:
        pose.set_p((scale * _numbers(origin, "xyz", "0 0 0")).tolist())
        pose.set_rpy(_numbers(origin, "rpy", "0 0 0").tolist())
    match shape.tag:
        case "box":
            size = _numbers(shape, "size") / 2
        case "sphere":
            size = _numbers(shape, "radius")
        case "cylinder":
            size = np.append(_numbers(shape, "radius"), _numbers(shape, "length") / 2)
        case "mesh":
            return Visual(
                "mesh", tuple(scale * _numbers(shape, "scale", "1 1 1")), pose, Path(shape.attrib["filename"])
            )
        case other:
            raise TaskError(f"a visual is a {other}; box, sphere, cylinder and mesh are known")
    return Visual(shape.tag, tuple(scale * size), pose)


def _make_possible(weight: Element) -> None:
    mass, inertia, origin = weight.find("mass"), weight.find("inertia"), weight.find("origin")
    if mass is None or inertia is None:
        return
    xx, xy, xz, yy, yz, zz = (float(inertia.get(name, 0)) for name in ("ixx", "ixy", "ixz", "iyy", "iyz", "izz"))
    if not any((xx, xy, xz, yy, yz, zz)):
        return  # sapien computes both from the collision shapes
    principal = np.linalg.eigvalsh([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    if principal.min() < MIN_INERTIA:
        mass.set("value", _WEIGHTLESS["mass"])
        for name in inertia.attrib:
            inertia.set(name, _WEIGHTLESS[name])
        if origin is not None:
            weight.remove(origin)


def _numbers(element: Element, name: str, default: str = "") -> NDArray[np.float64]:
    return np.array(element.get(name, default).split(), np.float64)
