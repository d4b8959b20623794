"""Commands as Float64MultiArray: simulated benchmarks' own commands, and ros2_control's forward controllers."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.contract import Contract
from sdm_core.errors import ContractError
from std_msgs.msg import Float64MultiArray

from sdm_policy_node.sinks.command_sink import command_qos

TOPIC = "native_command"
KINDS = ("native", "joint_position")


class Float64MultiArraySink:
    """The command vector as it is. Receivers keep the last command in silence: the hold before it stops them."""

    def __init__(self, node: Node, contract: Contract, depth: int) -> None:
        self.require(contract)
        self._node = node
        self._publisher = node.create_publisher(Float64MultiArray, TOPIC, command_qos(depth))
        self.topics = (self._publisher.topic_name,)

    @classmethod
    def require(cls, contract: Contract) -> None:
        if contract.action.kind not in KINDS:
            raise ContractError(f"sink 'native' takes {' or '.join(KINDS)} actions, not '{contract.action.kind}'")

    def publish_gripper(self, command: NDArray[np.float64], held: bool) -> None:
        """Its entry goes with the others."""

    def publish(self, command: NDArray[np.float64], stamp: Time) -> None:
        self._publisher.publish(Float64MultiArray(data=command.tolist()))

    def close(self) -> None:
        self._node.destroy_publisher(self._publisher)
