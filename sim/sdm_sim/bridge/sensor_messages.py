"""A task's sensors as ROS messages: a RealSense's streams, joint states, the tool's pose, the camera in tf."""

from __future__ import annotations

from array import array
from collections.abc import Container

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, Transform, TransformStamped, Vector3
from numpy.typing import NDArray
from sdm_core.perception.point_cloud import Extrinsics, Intrinsics
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Header

from sdm_sim.task import SensorFrame

# The scalars that an arm's controller publishes as `current_pose`, and not among the joints.
MEASURED_POSE = frozenset(f"ee.{part}" for part in ("x", "y", "z", "qx", "qy", "qz", "qw"))


def depth_frame(camera: str) -> str:
    """The optical frame of the depth of the camera of this name."""
    return f"{camera}_depth_optical_frame"


def colour_frame(camera: str) -> str:
    """The optical frame of the colour of the camera of this name."""
    return f"{camera}_color_optical_frame"


CAMERA_FRAME, COLOUR_FRAME = depth_frame("camera"), colour_frame("camera")


def depth_image(depth: NDArray[np.uint16], stamp: Time, frame: str = CAMERA_FRAME) -> Image:
    """A 16UC1 image of uint16[H,W] millimetres."""
    height, width = depth.shape
    return Image(
        header=Header(stamp=stamp, frame_id=frame),
        height=height,
        width=width,
        encoding="16UC1",
        is_bigendian=0,
        step=2 * width,
        data=array("B", depth.astype("<u2", copy=False).tobytes()),
    )


def colour_image(colour: NDArray[np.uint8], stamp: Time, frame: str = COLOUR_FRAME) -> Image:
    """An rgb8 image of uint8[H,W,3]."""
    height, width, _ = colour.shape
    return Image(
        header=Header(stamp=stamp, frame_id=frame),
        height=height,
        width=width,
        encoding="rgb8",
        is_bigendian=0,
        step=3 * width,
        data=array("B", colour.tobytes()),
    )


def camera_info(intrinsics: Intrinsics, stamp: Time, frame: str = CAMERA_FRAME) -> CameraInfo:
    """The calibration of a camera."""
    fx, fy, cx, cy = (float(value) for value in (intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy))
    return CameraInfo(
        header=Header(stamp=stamp, frame_id=frame),
        height=intrinsics.height,
        width=intrinsics.width,
        distortion_model="plumb_bob",
        d=list(intrinsics.distortion),
        k=[fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
    )


def joint_states(frame: SensorFrame, stamp: Time, names: Container[str] | None = None) -> JointState:
    """The scalars of a frame that have one of `names`; None: all but the measured pose, which has its own message."""
    chosen = [
        (name, value)
        for name, value in zip(frame.names, frame.values.tolist(), strict=True)
        if (name not in MEASURED_POSE if names is None else name in names)
    ]
    return JointState(
        header=Header(stamp=stamp),
        name=[name for name, _ in chosen],
        position=array("d", [value for _, value in chosen]),
    )


def tool_pose(frame: SensorFrame, tool: str, base: str, stamp: Time) -> PoseStamped | None:
    """The measured pose of a frame, or else its `tool.x` … `tool.qw`; without rotation entries the tool has the base's
    orientation."""
    values = dict(zip(frame.names, frame.values.tolist(), strict=True))
    prefix = "ee" if values.keys() >= MEASURED_POSE else tool
    if not all(f"{prefix}.{axis}" in values for axis in "xyz"):
        return None
    position = Point(**{axis: values[f"{prefix}.{axis}"] for axis in "xyz"})
    rotation = Quaternion(**{axis: values.get(f"{prefix}.q{axis}", float(axis == "w")) for axis in "xyzw"})
    return PoseStamped(header=Header(stamp=stamp, frame_id=base), pose=Pose(position=position, orientation=rotation))


def tool_transform(frame: SensorFrame, tool: str, base: str, stamp: Time) -> TransformStamped | None:
    """`tool_pose` as tf has it."""
    pose = tool_pose(frame, tool, base, stamp)
    if pose is None:
        return None
    position, rotation = pose.pose.position, pose.pose.orientation
    return TransformStamped(
        header=pose.header,
        child_frame_id=tool,
        transform=Transform(translation=Vector3(x=position.x, y=position.y, z=position.z), rotation=rotation),
    )


def camera_transform(extrinsics: Extrinsics, base: str, stamp: Time, frame: str = CAMERA_FRAME) -> TransformStamped:
    """The transform from a base frame to an optical frame of a camera, which stands still in it."""
    x, y, z = (float(value) for value in extrinsics.translation)
    qx, qy, qz, qw = (float(value) for value in extrinsics.quaternion_xyzw)
    return TransformStamped(
        header=Header(stamp=stamp, frame_id=base),
        child_frame_id=frame,
        transform=Transform(translation=Vector3(x=x, y=y, z=z), rotation=Quaternion(x=qx, y=qy, z=qz, w=qw)),
    )
