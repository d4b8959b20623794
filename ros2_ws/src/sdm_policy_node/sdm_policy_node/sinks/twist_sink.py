"""Commands as TwistStamped: controllers that follow the tool's velocity."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TwistStamped
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.contract import Contract
from sdm_core.errors import ContractError

from sdm_policy_node.grippers.gripper_topic import GripperTopic
from sdm_policy_node.sinks.command_sink import command_qos
from sdm_policy_node.sinks.zero_hold import require_zero_hold

TWIST_TOPIC = "target_twist"
_AXES = ("vx", "vy", "vz", "wx", "wy", "wz")


class TwistStampedSink:
    """`target_twist` in the contract's base frame, from entries named `vx vy vz` (m/s) and `wx wy wz` (rad/s).

    An axis that the action lacks stays at zero. A stop leads to zero within the limits and repeats it: a receiver that
    keeps the last twist in silence keeps standing.
    """

    name: ClassVar[str] = "twist"
    topic: ClassVar[str] = TWIST_TOPIC

    def __init__(self, node: Node, contract: Contract, depth: int) -> None:
        self.require(contract)
        action = contract.action
        axes = action.axes
        self._node = node
        self._frame = action.base_frame
        self._entries = [axes.index(axis) if axis in axes else None for axis in _AXES]
        self._gripper = GripperTopic(node, action, depth)
        self._publisher = node.create_publisher(TwistStamped, self.topic, command_qos(depth))
        self.topics = (self._publisher.topic_name, *self._gripper.topics)

    @classmethod
    def require(cls, contract: Contract) -> None:
        kind, axes = contract.action.kind, contract.action.axes
        once = len(set(axes)) == len(axes)
        if kind != "twist" or not once or not set(axes) <= {*_AXES, "gripper"}:
            raise ContractError(
                f"sink '{cls.name}' takes 'twist' actions of {', '.join(_AXES)} and gripper, each once, not "
                f"'{kind}' with {axes}"
            )
        require_zero_hold(contract, cls.name)

    def publish_gripper(self, command: NDArray[np.float64], held: bool) -> None:
        self._gripper.publish(command, held)

    def publish(self, command: NDArray[np.float64], stamp: Time) -> None:
        message = TwistStamped()
        message.header.stamp = stamp
        message.header.frame_id = self._frame
        linear, angular = message.twist.linear, message.twist.angular
        values = [0.0 if entry is None else float(command[entry]) for entry in self._entries]
        linear.x, linear.y, linear.z, angular.x, angular.y, angular.z = values
        self._publisher.publish(message)

    def close(self) -> None:
        self._gripper.close()
        self._node.destroy_publisher(self._publisher)
