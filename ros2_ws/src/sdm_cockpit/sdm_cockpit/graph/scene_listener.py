"""The simulated world's shapes, from the markers of `scene`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from visualization_msgs.msg import Marker, MarkerArray

from sdm_cockpit.graph.mesh_files import mesh_file
from sdm_cockpit.graph.problems import Problems
from sdm_cockpit.snapshot import Pose, Shape, ShapeKind

_SOURCE = "scene"
_KINDS: dict[int, ShapeKind] = {
    Marker.CUBE: "box",
    Marker.SPHERE: "sphere",
    Marker.CYLINDER: "cylinder",
    Marker.MESH_RESOURCE: "mesh",
}


class SceneListener:
    """Boxes, spheres, cylinders and meshes; markers of other kinds are not drawn."""

    def __init__(self, node: Node, problems: Problems, versions: Iterator[int]) -> None:
        """`versions` numbers what the page must draw anew."""
        self._problems = problems
        self._versions = versions
        self._shapes: dict[tuple[str, int], Shape] = {}
        self.newest: tuple[int, tuple[Shape, ...]] = (0, ())
        """The version of the scene, 0 where there is none, and its shapes."""
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        node.create_subscription(MarkerArray, "scene", self._on_scene, latched)

    def _on_scene(self, message: MarkerArray) -> None:
        wrong = []
        for marker in message.markers:
            try:
                self._take(marker)
            except (FileNotFoundError, ValueError) as error:
                wrong.append(str(error))
        self.newest = next(self._versions), tuple(self._shapes.values())
        with self._problems.of(_SOURCE):
            if wrong:
                raise ValueError(f"{len(wrong)} of {len(message.markers)} shapes are left out: {wrong[0]}")

    def _take(self, marker: Marker) -> None:
        key = marker.ns, marker.id
        if marker.action == Marker.DELETEALL:
            self._shapes.clear()
        elif marker.action == Marker.DELETE:
            self._shapes.pop(key, None)
        elif marker.type in _KINDS:
            self._shapes[key] = _shape(marker)


def _shape(marker: Marker) -> Shape:
    name = f"{marker.ns}/{marker.id}"
    position, rotation, scale, colour = marker.pose.position, marker.pose.orientation, marker.scale, marker.color
    numbers = np.array(
        [position.x, position.y, position.z, rotation.x, rotation.y, rotation.z, rotation.w, scale.x, scale.y, scale.z]
    )
    if not np.isfinite(numbers).all():
        raise ValueError(f"'{name}' has the pose and size {numbers.tolist()}")
    kind = _KINDS[marker.type]
    return Shape(
        name=name,
        frame=marker.header.frame_id.lstrip("/"),
        kind=kind,
        pose=Pose(numbers[:3], numbers[3:7]),
        size=numbers[7:],
        colour=(colour.r, colour.g, colour.b, colour.a),
        mesh=str(mesh_file(marker.mesh_resource)) if kind == "mesh" else "",
    )
