"""What the gripper is asked for, as a plain number on `gripper_command`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sdm_core.contract import ActionSpec
from sdm_core.errors import ContractError
from std_msgs.msg import Float64

GRIPPER_TOPIC = "gripper_command"


def gripper_qos(depth: int) -> QoSProfile:
    """Kept for whoever asks for the last one, such as an operator who takes over what is held. Grippers and recorders
    ask for `command_qos`, and get nothing of the past."""
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def require_one_gripper(action: ActionSpec) -> None:
    """Raises ContractError where the action has several: of the second one nobody would hear."""
    grippers = [entry.name for entry in action.entries if entry.is_gripper]
    if len(grippers) > 1:
        raise ContractError(f"'{GRIPPER_TOPIC}' is one gripper's; the action has {', '.join(grippers)}")


class GripperTopic:
    """The gripper's entry of every command, from a policy's first one on; nothing where the action has no gripper.

    Before that it is told nothing: where it stands may be unknown, and neither a stop nor the way home must open it.
    """

    def __init__(self, node: Node, action: ActionSpec, depth: int) -> None:
        self._node = node
        self._index = action.gripper_index
        self._told = False
        self._publisher = None
        if self._index is not None:
            self._publisher = node.create_publisher(Float64, GRIPPER_TOPIC, gripper_qos(depth))
        self.topics: tuple[str, ...] = (self._publisher.topic_name,) if self._publisher else ()

    def publish(self, command: NDArray[np.float64], held: bool) -> None:
        """Sends the gripper's entry of a command float64[A]."""
        self._told |= not held
        if self._publisher and self._told:
            self._publisher.publish(Float64(data=float(command[self._index])))

    def close(self) -> None:
        """Gives the topic up."""
        if self._publisher:
            self._node.destroy_publisher(self._publisher)
