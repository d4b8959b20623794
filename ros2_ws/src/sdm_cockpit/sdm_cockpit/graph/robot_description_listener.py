"""A real arm's shapes, from its description (URDF). Where its links stand tells tf: whoever publishes the one
(robot_state_publisher) publishes the other, too."""

from __future__ import annotations

import math
import xml.etree.ElementTree as xml
from collections.abc import Iterator

import numpy as np
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sdm_core.commands.command_space import multiply, quaternion
from std_msgs.msg import String

from sdm_cockpit.graph.mesh_files import mesh_file
from sdm_cockpit.graph.problems import Problems
from sdm_cockpit.snapshot import Pose, Shape

_SOURCE = "robot_description"
_GREY = (0.75, 0.75, 0.75, 1.0)


class RobotDescriptionListener:
    """The visual shapes of all links; those whose meshes are not on this machine are left out."""

    def __init__(self, node: Node, problems: Problems, versions: Iterator[int]) -> None:
        """`versions` numbers what the page must draw anew."""
        self._problems = problems
        self._versions = versions
        self.newest: tuple[int, tuple[Shape, ...]] = (0, ())
        """The version of the description, 0 where there is none, and its shapes."""
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        node.create_subscription(String, "robot_description", self._on_description, latched)

    def _on_description(self, message: String) -> None:
        with self._problems.of(_SOURCE):
            shapes, wrong = described_shapes(message.data)
            self.newest = next(self._versions), shapes
            if wrong:
                raise FileNotFoundError(f"{len(wrong)} shapes are left out: {wrong[0]}")


def described_shapes(urdf: str) -> tuple[tuple[Shape, ...], list[str]]:
    """The visual shapes of a URDF, each in the frame of its link, and a line for each that cannot be drawn.

    Raises ValueError where it is no URDF.
    """
    try:
        robot = xml.fromstring(urdf)
    except xml.ParseError as error:
        raise ValueError(f"not XML, {error}; publish a URDF") from None
    materials = {material.get("name", ""): _rgba(material) for material in robot.findall("material")}
    shapes, wrong = [], []
    for link in robot.findall("link"):
        for index, visual in enumerate(link.findall("visual")):
            frame = link.get("name", "")
            try:
                shapes.append(_shape(visual, frame, f"{frame}/{index}", materials))
            except (FileNotFoundError, ValueError) as error:
                wrong.append(str(error))
    return tuple(shapes), wrong


def _shape(visual: xml.Element, frame: str, name: str, materials: dict[str, tuple[float, ...] | None]) -> Shape:
    pose, colour = _origin(visual.find("origin")), _colour(visual.find("material"), materials)
    geometry = visual.find("geometry")
    form = geometry[0] if geometry is not None and len(geometry) else None
    if form is None:
        raise ValueError(f"'{name}' has no geometry")
    if form.tag == "box":
        return Shape(name, frame, "box", pose, _numbers(form, "size", "1 1 1"), colour)
    if form.tag == "mesh":
        path = mesh_file(form.get("filename", ""))
        return Shape(name, frame, "mesh", pose, _numbers(form, "scale", "1 1 1"), colour, str(path))
    width = 2 * float(form.get("radius", "nan"))
    if form.tag == "sphere" and width > 0:
        return Shape(name, frame, "sphere", pose, np.full(3, width), colour)
    height = float(form.get("length", "nan"))
    if form.tag == "cylinder" and width > 0 and height > 0:
        return Shape(name, frame, "cylinder", pose, np.array([width, width, height]), colour)
    raise ValueError(f"'{name}' is a {form.tag} that has no size or is none of box, sphere, cylinder and mesh")


def _origin(origin: xml.Element | None) -> Pose:
    """URDF turns about the fixed axes: roll about x first, then pitch about y, then yaw about z."""
    if origin is None:
        return Pose(np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0]))
    roll, pitch, yaw = _numbers(origin, "rpy", "0 0 0")
    x, y, z = (quaternion(axis * angle) for axis, angle in zip(np.eye(3), (roll, pitch, yaw), strict=True))
    return Pose(_numbers(origin, "xyz", "0 0 0"), multiply(z, multiply(y, x)))


def _numbers(element: xml.Element, attribute: str, default: str) -> np.ndarray:
    values = np.array([float(word) for word in element.get(attribute, default).split()])
    if values.shape != (3,) or not np.isfinite(values).all():
        raise ValueError(f"{element.tag} has {attribute}='{element.get(attribute)}'; three finite numbers expected")
    return values


def _rgba(material: xml.Element) -> tuple[float, ...] | None:
    colour = material.find("color")
    values = tuple(float(word) for word in colour.get("rgba", "").split()) if colour is not None else ()
    return values if len(values) == 4 and all(map(math.isfinite, values)) else None


def _colour(
    material: xml.Element | None, materials: dict[str, tuple[float, ...] | None]
) -> tuple[float, float, float, float]:
    if material is None:
        return _GREY
    found = _rgba(material) or materials.get(material.get("name", ""))
    if found is None:
        return _GREY
    red, green, blue, alpha = found
    return red, green, blue, alpha
