"""Shows the simulated world to whoever looks: its shapes on `scene`, once an episode, and where they are on /tf."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import TransformStamped
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from tf2_ros import TransformBroadcaster
from visualization_msgs.msg import MarkerArray

from sdm_sim.bridge.mesh_files import MeshFiles
from sdm_sim.bridge.scene_messages import body_frame, body_transform, clearing_marker, shape_marker
from sdm_sim.mujoco_world import MujocoWorld
from sdm_sim.scene_shapes import Shape, body_name, visible_geoms, visible_shapes

# Often enough to be seen as motion.
_PERIOD_S = 0.05
# Who comes late is told, and one episode's shapes take the place of another's.
_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@dataclass(frozen=True, eq=False)
class _Places:
    """Where the bodies [B] are at a time: float64[B,3] in m, and quaternions float64[B,4], w first."""

    stamp_ns: int
    positions: NDArray[np.float64]
    wxyz: NDArray[np.float64]


class ScenePublisher:
    """Standard messages, which RViz and Foxglove show as they are; none is sent, nor made, while nobody listens.

    The simulation's thread only notes where bodies are. Messages are made on the executor's, twenty times a second of
    wall time at most. What stands in the world itself is in the base frame, all else in the frame of its body.
    """

    def __init__(self, node: Node, world: MujocoWorld, base: str) -> None:
        """`base` is the frame of the contract that the model's world is."""
        self._world, self._base = world, base
        model = world.model
        seen = np.unique(model.geom_bodyid[visible_geoms(model)])
        self._bodies = seen[seen > 0]
        self._frames = {body: body_frame(body_name(model, body)) for body in self._bodies.tolist()}
        self._markers = node.create_publisher(MarkerArray, "scene", _QOS)
        self._transforms = TransformBroadcaster(node)
        self._meshes = MeshFiles(model)
        self._listeners = 0
        self._shown = False
        self._newest: _Places | None = None
        self._sent: _Places | None = None
        node.create_timer(_PERIOD_S, self._publish)

    def begin(self) -> None:
        """An episode begins, whose things may have other shapes."""
        self._shown = False

    def note(self, stamp_ns: int) -> None:
        """Notes where everything is at a time of the simulation."""
        data = self._world.data
        self._newest = _Places(stamp_ns, data.xpos[self._bodies], data.xquat[self._bodies])

    def close(self) -> None:
        """Removes the files of meshes."""
        self._meshes.close()

    def _publish(self) -> None:
        before, self._listeners = self._listeners, self._markers.get_subscription_count()
        if not self._listeners:
            self._shown = False
            return
        if not self._shown:
            self._shown = True
            self._markers.publish(self._shapes())
        places = self._newest
        if places and (places is not self._sent or self._listeners > before):
            self._sent = places
            self._transforms.sendTransform(self._placed(places))

    def _shapes(self) -> MarkerArray:
        shapes = visible_shapes(self._world.model)
        return MarkerArray(
            markers=[
                clearing_marker(),
                *(
                    shape_marker(shape, number, self._frames.get(shape.body, self._base), self._mesh(shape))
                    for number, shape in enumerate(shapes)
                ),
            ]
        )

    def _mesh(self, shape: Shape) -> str:
        return self._meshes.uri(shape.mesh) if shape.kind == "mesh" else ""

    def _placed(self, places: _Places) -> list[TransformStamped]:
        stamp = Time(nanoseconds=places.stamp_ns).to_msg()
        return [
            body_transform(position, wxyz, self._base, frame, stamp)
            for position, wxyz, frame in zip(places.positions, places.wxyz, self._frames.values(), strict=True)
        ]
