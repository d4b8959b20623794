"""What the drivers of a Franka arm and its hand publish beside the merged joint states and the tool's pose."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time import Time
from sdm_core.perception.point_cloud import Extrinsics
from sensor_msgs.msg import JointState
from tf2_ros import TransformBroadcaster

from sdm_sim.bridge.sensor_messages import (
    camera_transform,
    colour_frame,
    depth_frame,
    joint_states,
    tool_transform,
)
from sdm_sim.task import SensorFrame

ARM_JOINT_STATES, GRIPPER_JOINT_STATES = "franka/joint_states", "franka_gripper/joint_states"
WRIST_FRAMES = (depth_frame("wrist"), colour_frame("wrist"))


@runtime_checkable
class ArmCell(Protocol):
    """A task with an arm, whose joints are named, and with a camera at its hand."""

    arm_joints: tuple[str, ...]
    gripper_joints: tuple[str, ...]

    @property
    def wrist_in_tool(self) -> Extrinsics:
        """Pose of the wrist camera's optical frame in the tool's, which does not change."""
        ...


class ArmPublisher:
    """franka_ros2's topics: the arm's joints, the hand's, and the tool in tf."""

    def __init__(self, node: Node, cell: ArmCell, base: str, tool: str, qos: QoSProfile) -> None:
        self._base, self._tool = base, tool
        self._groups = [
            (frozenset(joints), node.create_publisher(JointState, topic, qos))
            for joints, topic in ((cell.arm_joints, ARM_JOINT_STATES), (cell.gripper_joints, GRIPPER_JOINT_STATES))
        ]
        self._transforms = TransformBroadcaster(node)
        self._wrist = cell.wrist_in_tool

    def static_transforms(self) -> list[TransformStamped]:
        """Where the wrist camera's optical frames are in the tool's."""
        return [camera_transform(self._wrist, self._tool, Time().to_msg(), frame) for frame in WRIST_FRAMES]

    def state(self, stamp_ns: int, frame: SensorFrame) -> None:
        """Publishes the joints of a frame, and the tool's pose in tf."""
        stamp = Time(nanoseconds=stamp_ns).to_msg()
        for joints, publisher in self._groups:
            publisher.publish(joint_states(frame, stamp, joints))
        transform = tool_transform(frame, self._tool, self._base, stamp)
        if transform is not None:
            self._transforms.sendTransform(transform)
