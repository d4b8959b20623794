"""The shapes and places of a MuJoCo world as RViz and Foxglove show them: markers in the frames of bodies, and tf."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, Quaternion, Transform, TransformStamped, Vector3
from numpy.typing import NDArray
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker

from sdm_sim.scene_shapes import Shape

_TYPES = {
    "box": Marker.CUBE,
    "sphere": Marker.SPHERE,
    "cylinder": Marker.CYLINDER,
    "mesh": Marker.MESH_RESOURCE,
}
NAMESPACE = "scene"


def body_frame(name: str) -> str:
    """The frame of a body in tf, apart from those of robots and cameras."""
    return f"{NAMESPACE}/{name}"


def shape_marker(shape: Shape, number: int, frame: str, mesh: str = "") -> Marker:
    """A shape that goes wherever `frame` goes; `mesh` is the URI of its mesh, if it is one."""
    x, y, z = shape.position.tolist()
    r, g, b, a = shape.rgba.tolist()
    width, depth, height = shape.size.tolist()
    return Marker(
        header=Header(frame_id=frame),
        ns=NAMESPACE,
        id=number,
        type=_TYPES[shape.kind],
        action=Marker.ADD,
        frame_locked=True,
        pose=Pose(position=Point(x=x, y=y, z=z), orientation=_rotation(shape.wxyz)),
        scale=Vector3(x=width, y=depth, z=height),
        color=ColorRGBA(r=r, g=g, b=b, a=a),
        mesh_resource=mesh,
    )


def clearing_marker() -> Marker:
    """What takes an earlier scene away before the next is shown."""
    return Marker(ns=NAMESPACE, action=Marker.DELETEALL)


def body_transform(
    position: NDArray[np.float64], wxyz: NDArray[np.float64], base: str, frame: str, stamp: Time
) -> TransformStamped:
    """Where a body is in the base frame: float64[3] in m, float64[4]."""
    x, y, z = position.tolist()
    return TransformStamped(
        header=Header(stamp=stamp, frame_id=base),
        child_frame_id=frame,
        transform=Transform(translation=Vector3(x=x, y=y, z=z), rotation=_rotation(wxyz)),
    )


def _rotation(wxyz: NDArray[np.float64]) -> Quaternion:
    w, x, y, z = wxyz.tolist()
    return Quaternion(x=x, y=y, z=z, w=w)
