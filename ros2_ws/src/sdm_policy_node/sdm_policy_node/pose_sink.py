"""Commands as PoseStamped and a gripper value: Cartesian impedance controllers such as CRISP's."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.command_space import CommandSpace
from sdm_core.contract import Contract
from sdm_core.errors import ContractError
from std_msgs.msg import Float64

from sdm_policy_node.command_sink import command_qos

POSE_TOPIC = "target_pose"
GRIPPER_TOPIC = "gripper_command"


class PoseStampedSink:
    """`target_pose` in the contract's base frame and, if the action has a gripper, `gripper_command`.

    An impedance controller holds the last pose in silence. The gripper is told nothing before a policy's first command:
    where it stands may be unknown, and a stop must not open it.
    """

    def __init__(self, node: Node, contract: Contract, depth: int) -> None:
        action = contract.action
        names = [entry.name.rsplit(".", 1)[-1] for entry in action.entries]
        rotation = CommandSpace(action).rotation
        if action.kind != "ee_pose" or rotation is None or not {"x", "y", "z"} <= set(names):
            raise ContractError(
                f"sink 'pose' takes 'ee_pose' actions with x, y, z and a quaternion, not '{action.kind}' with {names}"
            )
        self._node = node
        self._frame = action.base_frame
        self._position = [names.index(axis) for axis in ("x", "y", "z")]
        self._rotation = rotation
        self._gripper = names.index("gripper") if "gripper" in names else None
        self._gripper_told = False
        self._publishers = [node.create_publisher(PoseStamped, POSE_TOPIC, command_qos(depth))]
        if self._gripper is not None:
            self._publishers.append(node.create_publisher(Float64, GRIPPER_TOPIC, command_qos(depth)))
        self.topics = tuple(publisher.topic_name for publisher in self._publishers)

    def publish(self, command: NDArray[np.float64], stamp: Time, held: bool) -> None:
        message = PoseStamped()
        message.header.stamp = stamp
        message.header.frame_id = self._frame
        position, rotation = message.pose.position, message.pose.orientation
        position.x, position.y, position.z = command[self._position].tolist()
        rotation.x, rotation.y, rotation.z, rotation.w = command[self._rotation].tolist()
        self._gripper_told |= not held
        if self._gripper is not None and self._gripper_told:
            self._publishers[1].publish(Float64(data=float(command[self._gripper])))
        self._publishers[0].publish(message)

    def close(self) -> None:
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)
