"""Commands as Float64MultiArray for ros2_control's forward controllers: groups of joints, as those of a hand."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.commands.command_space import is_rate
from sdm_core.contract import Contract
from std_msgs.msg import Float64MultiArray

from sdm_policy_node.grippers.gripper_topic import GripperTopic
from sdm_policy_node.sinks.command_sink import command_qos
from sdm_policy_node.sinks.joint_command import JointCommand
from sdm_policy_node.sinks.zero_hold import require_zero_hold

TOPIC = "joint_group_commands"


class ForwardPositionSink:
    """`joint_group_commands`, to be remapped to the controller's `~/commands`, which knows joints by their order alone:
    its parameter `joints` must list them as the contract does.

    A stop is the braking positions and then the last one, repeated. The controller keeps it in the silence after.
    """

    name: ClassVar[str] = "forward_position"
    kind: ClassVar[str] = "joint_position"

    def __init__(self, node: Node, contract: Contract, depth: int) -> None:
        self.require(contract)
        self._joints = JointCommand(contract, self.name, self.kind)
        self._node = node
        self._gripper = GripperTopic(node, contract.action, depth)
        self._publisher = node.create_publisher(Float64MultiArray, TOPIC, command_qos(depth))
        self.topics = (self._publisher.topic_name, *self._gripper.topics)

    @classmethod
    def require(cls, contract: Contract) -> None:
        JointCommand(contract, cls.name, cls.kind)
        if is_rate(contract.action):
            require_zero_hold(contract, cls.name)

    def publish_gripper(self, command: NDArray[np.float64], held: bool) -> None:
        self._gripper.publish(command, held)

    def publish(self, command: NDArray[np.float64], stamp: Time) -> None:
        self._publisher.publish(Float64MultiArray(data=self._joints.of(command).tolist()))

    def close(self) -> None:
        self._gripper.close()
        self._node.destroy_publisher(self._publisher)


class ForwardVelocitySink(ForwardPositionSink):
    """As above, for joint velocities (rad/s).

    The controller has no time-out: in silence the joints go on with the last velocity. So a stop leads to zero within
    the limits and repeats it, and what comes before the silence is always zero.
    """

    name: ClassVar[str] = "forward_velocity"
    kind: ClassVar[str] = "joint_velocity"
