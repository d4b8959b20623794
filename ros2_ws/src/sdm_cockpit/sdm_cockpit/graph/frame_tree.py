"""Where frames stand now, from tf: the newest poses, and neither history nor interpolation, which a picture needs not.

tf2's buffer keeps what has the latest stamp; a simulation that begins again would stand still in it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

import numpy as np
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sdm_core.commands.command_space import hamilton_product
from tf2_msgs.msg import TFMessage

from sdm_cockpit.graph.problems import Problems
from sdm_cockpit.snapshot import Pose

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
Placed = tuple[Vector, Quaternion]

_HERE: Placed = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
# More links than any chain of frames has: a loop.
_LONGEST_CHAIN = 100


class FrameTree:
    """Listens to `/tf` and `/tf_static`; safe to ask from any thread."""

    def __init__(self, node: Node, problems: Problems) -> None:
        self._problems = problems
        self._lock = threading.Lock()
        self._links: dict[str, tuple[str, Placed]] = {}
        newest = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
        latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        node.create_subscription(TFMessage, "/tf", self._on_transforms, newest)
        node.create_subscription(TFMessage, "/tf_static", self._on_transforms, latched)

    def poses(self, base: str, frames: Iterable[str]) -> tuple[dict[str, Pose], tuple[str, ...]]:
        """The poses of frames in `base`, and the names of those that tf does not connect with it."""
        with self._lock:
            links = dict(self._links)
        placed: dict[str, tuple[str, Placed]] = {}
        root, base_in_root = _in_root(base, links, placed)
        root_in_base = _inverse(base_in_root)
        found, missing = {}, []
        for frame in frames:
            own_root, pose = _in_root(frame, links, placed)
            if own_root != root:
                missing.append(frame)
                continue
            position, quaternion = _chained(root_in_base, pose)
            found[frame] = Pose(np.array(position), np.array(quaternion))
        return found, tuple(missing)

    def _on_transforms(self, message: TFMessage) -> None:
        with self._problems.of("tf"), self._lock:
            for transform in message.transforms:
                child = transform.child_frame_id.lstrip("/")
                self._links[child] = (transform.header.frame_id.lstrip("/"), _placed(transform, child))


def _placed(transform: TransformStamped, child: str) -> Placed:
    translation, rotation = transform.transform.translation, transform.transform.rotation
    numbers = np.array([translation.x, translation.y, translation.z, rotation.x, rotation.y, rotation.z, rotation.w])
    norm = float(np.linalg.norm(numbers[3:]))
    if not (np.isfinite(numbers).all() and norm > 1e-6):
        raise ValueError(f"the pose of '{child}' is {numbers.tolist()}; publish finite numbers and a unit quaternion")
    x, y, z, *quaternion = numbers.tolist()
    qx, qy, qz, qw = (part / norm for part in quaternion)
    return (x, y, z), (qx, qy, qz, qw)


def _in_root(
    frame: str, links: dict[str, tuple[str, Placed]], placed: dict[str, tuple[str, Placed]], depth: int = 0
) -> tuple[str, Placed]:
    """The root of a frame's tree, and the frame's pose in it; `placed` are those that are known already."""
    if frame in placed:
        return placed[frame]
    if frame not in links or depth > _LONGEST_CHAIN:
        return frame, _HERE
    parent, pose = links[frame]
    root, parent_in_root = _in_root(parent, links, placed, depth + 1)
    placed[frame] = root, _chained(parent_in_root, pose)
    return placed[frame]


def _chained(first: Placed, then: Placed) -> Placed:
    """The pose `then`, which is given in the frame `first`. In plain numbers: arrays of four cost ten times as much."""
    (x, y, z), turn = first
    dx, dy, dz = _turned(then[0], turn)
    return (x + dx, y + dy, z + dz), hamilton_product(turn, then[1])


def _inverse(pose: Placed) -> Placed:
    (x, y, z), (qx, qy, qz, qw) = pose
    back = (-qx, -qy, -qz, qw)
    return _turned((-x, -y, -z), back), back


def _turned(vector: Vector, turn: Quaternion) -> Vector:
    x, y, z, w = turn
    product = hamilton_product(hamilton_product(turn, (*vector, 0.0)), (-x, -y, -z, w))
    return product[:3]
