"""A snapshot as the standard messages that Foxglove and RViz draw without plugins.

| topic | type | what |
|---|---|---|
| `cockpit/cloud` | sensor_msgs/PointCloud2 | the cloud as the network gets it, with `rgb` where it is coloured |
| `cockpit/image/<camera>` | sensor_msgs/Image | the colour images |
| `cockpit/markers` | visualization_msgs/MarkerArray | crop box, workspace, plans, the tool's trail |
| `cockpit/plan/<label>` | nav_msgs/Path | the places of each plan's targets |
| `cockpit/tool` | geometry_msgs/PoseStamped | where the tool stands; as a frame `cockpit/<tool>` on `/tf`, too |
| `cockpit/state` | sensor_msgs/JointState | every state entry by name, from recordings |
| `/diagnostics` | diagnostic_msgs/DiagnosticArray | the loop's timing, what the gate changed, the policy, the episode |
"""

from __future__ import annotations

import re
from array import array
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, PoseStamped, Quaternion, TransformStamped, Vector3
from nav_msgs.msg import Path
from numpy.typing import NDArray
from sdm_core.contract import XYZ, XYZRGB
from sdm_policy_node.time_stamps import to_message
from sensor_msgs.msg import Image, JointState, PointCloud2, PointField
from std_msgs.msg import ColorRGBA, Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from sdm_cockpit.export.snapshot_diagnostics import snapshot_diagnostics
from sdm_cockpit.page import palette
from sdm_cockpit.page.lines import box_edges
from sdm_cockpit.page.palette import Rgb
from sdm_cockpit.page.point_cloud import point_colours
from sdm_cockpit.snapshot import Box, Plan, Pose, Snapshot

CLOUD, MARKERS, TOOL, STATE = "cockpit/cloud", "cockpit/markers", "cockpit/tool", "cockpit/state"
TRANSFORMS, DIAGNOSTICS = "/tf", "/diagnostics"

# Widths in m of lines; what was executed is drawn thicker than what is still to come.
_PLAN, _EXECUTED, _TRAIL, _EDGE = 0.004, 0.008, 0.002, 0.001
_TRAIL_POINTS = 2000

Message = tuple[str, Any]
"""A topic and what is said on it."""


class VisualMessages:
    """Makes the messages of one policy's snapshots; it remembers the tool's trail, and nothing else."""

    def __init__(self, frame: str, tool_frame: str) -> None:
        """`frame`: of all positions; `tool_frame`: how the contract calls the tool."""
        self._frame = frame
        # A name of its own: a frame that the robot publishes itself must not get a second parent.
        self._tool_frame = f"cockpit/{tool_frame}"
        self._trail: deque[NDArray[np.float64]] = deque(maxlen=_TRAIL_POINTS)

    def begin_episode(self) -> None:
        """Forgets the trail."""
        self._trail.clear()

    def of(self, snapshot: Snapshot, stamp_ns: int) -> Iterator[Message]:
        """All messages of a snapshot, stamped; what it does not hold is left out."""
        stamp = to_message(stamp_ns)
        header = Header(stamp=stamp, frame_id=self._frame)
        if snapshot.cloud is not None:
            yield CLOUD, cloud_message(snapshot.cloud, header)
        for camera, image in snapshot.images.items():
            yield f"cockpit/image/{topic_part(camera)}", image_message(image, Header(stamp=stamp, frame_id=camera))
        if snapshot.tool is not None:
            self._trail.append(snapshot.tool.position)
            yield TOOL, PoseStamped(header=header, pose=_pose_message(snapshot.tool))
            yield TRANSFORMS, TFMessage(transforms=[_transform(snapshot.tool, header, self._tool_frame)])
        for plan in snapshot.plans:
            if plan.path is not None:
                yield f"cockpit/plan/{topic_part(plan.label)}", path_message(plan.path, header)
        yield MARKERS, MarkerArray(markers=list(self._markers(snapshot, header)))
        yield DIAGNOSTICS, snapshot_diagnostics(snapshot, stamp)

    def _markers(self, snapshot: Snapshot, header: Header) -> Iterator[Marker]:
        """All there is to be drawn by lines, after what wipes away the lines of before."""
        yield Marker(header=header, action=Marker.DELETEALL)
        for name, box, colour in (
            ("crop box", snapshot.crop, palette.CROP),
            ("workspace", snapshot.workspace, palette.WORKSPACE),
        ):
            if box is not None:
                yield _box_marker(name, box, colour, header)
        if len(self._trail) > 1:
            yield _line("trail", np.array(self._trail), _TRAIL, _colours(palette.TRAIL, len(self._trail)), header)
        for index, plan in enumerate(snapshot.plans):
            yield from _plan_markers(plan, palette.PLANS[index % len(palette.PLANS)], header)


def state_message(state: Mapping[str, float], stamp: Time) -> JointState:
    """Every state entry by its name, whether or not it is a joint's."""
    return JointState(header=Header(stamp=stamp), name=list(state), position=array("d", state.values()))


def cloud_message(points: NDArray[np.float32], header: Header) -> PointCloud2:
    """An unordered cloud of points float32[N,3] in m, or [N,6] with rgb in [0, 1], which is sent as 0xRRGGBB."""
    kind, names, columns = PointField.FLOAT32, ["x", "y", "z"], points[:, :XYZ].astype("<f4")
    if points.shape[1] == XYZRGB:
        red, green, blue = point_colours(points).astype("<u4").T
        names, columns = [*names, "rgb"], np.column_stack([columns.view("<u4"), red << 16 | green << 8 | blue])
    fields = [PointField(name=name, offset=4 * index, datatype=kind, count=1) for index, name in enumerate(names)]
    step = 4 * len(names)
    return PointCloud2(
        header=header,
        height=1,
        width=len(points),
        fields=fields,
        is_bigendian=False,
        point_step=step,
        row_step=step * len(points),
        data=array("B", columns.tobytes()),
        is_dense=bool(np.isfinite(points).all()),
    )


def image_message(image: NDArray[np.uint8], header: Header) -> Image:
    """An rgb8 image of uint8[H,W,3]."""
    height, width, _ = image.shape
    data = array("B", image.tobytes())
    return Image(header=header, height=height, width=width, encoding="rgb8", is_bigendian=0, step=3 * width, data=data)


def path_message(path: NDArray[np.float64], header: Header) -> Path:
    """The places float64[H,3], one after another, with no turn."""
    poses = []
    for place in path:
        pose = PoseStamped(header=header)
        pose.pose.position, pose.pose.orientation = _point(place), Quaternion(w=1.0)
        poses.append(pose)
    return Path(header=header, poses=poses)


def topic_part(name: str) -> str:
    """A name as a part of a topic: whatever may not stand there becomes `_`."""
    return re.sub(r"^(?=\d)|[^A-Za-z0-9_]", "_", name)


def _plan_markers(plan: Plan, colours: tuple[Rgb, Rgb], header: Header) -> Iterator[Marker]:
    """A plan as a thin line, and over it, thicker, the part that was executed."""
    if plan.path is None or len(plan.path) < 2:
        return
    shades = palette.ramp(*colours, np.linspace(0.0, 1.0, len(plan.path)))
    yield _line(f"plan {plan.label}", plan.path, _PLAN, shades, header)
    if plan.executed > 1:
        behind = slice(0, plan.executed)
        yield _line(f"executed {plan.label}", plan.path[behind], _EXECUTED, shades[behind], header)


def _line(name: str, points: NDArray[np.float64], width: float, colours: NDArray[np.uint8], header: Header) -> Marker:
    marker = _marker(name, Marker.LINE_STRIP, width, header)
    marker.points = [_point(point) for point in points]
    marker.colors = [_colour(colour) for colour in colours.tolist()]
    return marker


def _box_marker(name: str, box: Box, colour: Rgb, header: Header) -> Marker:
    marker = _marker(name, Marker.LINE_LIST, _EDGE, header)
    marker.points = [_point(corner) for corner in box_edges(box).reshape(-1, 3)]
    marker.color = _colour(colour)
    return marker


def _marker(name: str, kind: int, width: float, header: Header) -> Marker:
    """One line in a namespace of its own, so that a viewer can hide it."""
    marker = Marker(header=header, ns=name, id=0, type=kind, action=Marker.ADD, scale=Vector3(x=width))
    marker.pose.orientation.w = marker.color.a = 1.0
    return marker


def _pose_message(pose: Pose) -> Any:
    message = PoseStamped().pose
    message.position, message.orientation = _point(pose.position), _quaternion(pose.quaternion)
    return message


def _transform(pose: Pose, header: Header, child: str) -> TransformStamped:
    x, y, z = pose.position.tolist()
    message = TransformStamped(header=header, child_frame_id=child)
    message.transform.translation, message.transform.rotation = Vector3(x=x, y=y, z=z), _quaternion(pose.quaternion)
    return message


def _colours(colour: Rgb, count: int) -> NDArray[np.uint8]:
    return np.tile(np.array(colour, np.uint8), (count, 1))


def _colour(colour: Rgb | list[int]) -> ColorRGBA:
    red, green, blue = (value / 255 for value in colour)
    return ColorRGBA(r=red, g=green, b=blue, a=1.0)


def _point(place: NDArray) -> Point:
    x, y, z = place.tolist()
    return Point(x=x, y=y, z=z)


def _quaternion(xyzw: NDArray[np.float64]) -> Quaternion:
    x, y, z, w = xyzw.tolist()
    return Quaternion(x=x, y=y, z=z, w=w)
