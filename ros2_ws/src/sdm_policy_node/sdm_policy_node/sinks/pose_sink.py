"""Commands as PoseStamped and a gripper value: Cartesian impedance controllers such as CRISP's."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.commands.command_space import CommandSpace
from sdm_core.contract import ActionSpec, Contract
from sdm_core.errors import ContractError

from sdm_policy_node.grippers.gripper_topic import GripperTopic
from sdm_policy_node.sinks.command_sink import command_qos

POSE_TOPIC = "target_pose"
_POSE = ("x", "y", "z", "qx", "qy", "qz", "qw")


def is_pose(action: ActionSpec) -> bool:
    """Whether a pose and a gripper's value are all of the action: of any other entry nobody would hear."""
    whole = sorted(action.axes) in (sorted(_POSE), sorted((*_POSE, "gripper")))
    return action.kind == "ee_pose" and CommandSpace(action).rotation is not None and whole


class PoseStampedSink:
    """`target_pose` in the contract's base frame and, if the action has a gripper, `gripper_command`.

    A stop is the braking poses and then the last one, repeated. An impedance controller holds it in the silence after.
    """

    name: ClassVar[str] = "pose"
    topic: ClassVar[str] = POSE_TOPIC

    def __init__(self, node: Node, contract: Contract, depth: int) -> None:
        self.require(contract)
        action = contract.action
        self._node = node
        self._frame = action.base_frame
        self._pose = [action.axes.index(axis) for axis in _POSE]
        self._gripper = GripperTopic(node, action, depth)
        self._publisher = node.create_publisher(PoseStamped, self.topic, command_qos(depth))
        self.topics = (self._publisher.topic_name, *self._gripper.topics)

    @classmethod
    def require(cls, contract: Contract) -> None:
        if not is_pose(contract.action):
            raise ContractError(
                f"sink '{cls.name}' takes 'ee_pose' actions of x, y, z, a quaternion and gripper alone, not "
                f"'{contract.action.kind}' with {contract.action.axes}"
            )

    def publish_gripper(self, command: NDArray[np.float64], held: bool) -> None:
        self._gripper.publish(command, held)

    def publish(self, command: NDArray[np.float64], stamp: Time) -> None:
        message = PoseStamped()
        message.header.stamp = stamp
        message.header.frame_id = self._frame
        position, rotation = message.pose.position, message.pose.orientation
        values = command[self._pose].tolist()
        position.x, position.y, position.z, rotation.x, rotation.y, rotation.z, rotation.w = values
        self._publisher.publish(message)

    def close(self) -> None:
        self._gripper.close()
        self._node.destroy_publisher(self._publisher)
