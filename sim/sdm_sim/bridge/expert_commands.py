"""An expert's commands on the topics of a robot's controller, as anybody else would give them."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from sdm_core.contract import Contract
from std_msgs.msg import Float64, Float64MultiArray

_QOS = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)


class ExpertCommands:
    """`target_pose` and `gripper_command` for pose actions (x, y, z, quaternion xyzw, gripper), else
    `native_command`."""

    def __init__(self, node: Node, contract: Contract) -> None:
        self._frame = contract.action.base_frame
        self._poses = contract.action.kind == "ee_pose"
        if self._poses:
            self._pose = node.create_publisher(PoseStamped, "target_pose", _QOS)
            self._gripper = node.create_publisher(Float64, "gripper_command", _QOS)
            self._publishers = (self._pose, self._gripper)
        else:
            self._native = node.create_publisher(Float64MultiArray, "native_command", _QOS)
            self._publishers = (self._native,)

    def unheard(self) -> list[str]:
        """The command topics to which nobody but the simulation listens."""
        return [publisher.topic_name for publisher in self._publishers if publisher.get_subscription_count() < 2]

    def publish(self, action: NDArray[np.float64], stamp_ns: int) -> None:
        """Sends an action [A]."""
        if not self._poses:
            self._native.publish(Float64MultiArray(data=action.tolist()))
            return
        message = PoseStamped()
        message.header.stamp, message.header.frame_id = Time(nanoseconds=stamp_ns).to_msg(), self._frame
        position, rotation = message.pose.position, message.pose.orientation
        position.x, position.y, position.z, rotation.x, rotation.y, rotation.z, rotation.w = action[:7].tolist()
        self._gripper.publish(Float64(data=float(action[7])))
        self._pose.publish(message)
