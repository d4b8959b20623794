"""Hears the commands that somebody else gives, as vectors of the contract's action."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.subscription import Subscription
from sdm_core.commands.command_space import CommandSpace
from sdm_core.contract import Contract
from sdm_core.errors import ContractError, ObservationError
from std_msgs.msg import Float64, Float64MultiArray

from sdm_policy_node.grippers import gripper_topic
from sdm_policy_node.pose_message import pose_values
from sdm_policy_node.sinks import float_array_sink, pose_sink
from sdm_policy_node.sinks.command_sink import command_qos
from sdm_policy_node.time_stamps import to_ns

_QUEUE = 200
# What records actions of a kind.
_FIXES = {
    "native": "set sink: native",
    "joint_position": "set actions: measured, or sink: native",
    "ee_pose": "set sink: pose",
}

Deliver = Callable[[int, NDArray[np.float64]], None]
"""Given when a command was given (ns of its sender's clock; 0: it does not say), and the command [A]."""
Refuse = Callable[[ObservationError], None]
GripperTold = Callable[[float], None]


def listen_to_commands(
    node: Node, sink: str, contract: Contract, deliver: Deliver, refuse: Refuse, gripper_told: GripperTold
) -> Subscription:
    """Calls `deliver` with every command that goes through a sink of this sort, `refuse` for one that is none, and
    `gripper_told` with what the gripper is commanded where that is a message of its own; gives what hears the commands.

    Raises ContractError where such a sink has no actions of the contract's kind."""
    if sink == "pose":
        return PoseListener(node, contract, deliver, refuse, gripper_told).subscription
    kinds, kind = float_array_sink.KINDS, contract.action.kind
    if kind not in kinds:
        raise ContractError(f"sink 'native' records {' or '.join(kinds)} actions, not '{kind}'; {_fix(kind)}")
    return node.create_subscription(
        Float64MultiArray,
        float_array_sink.TOPIC,
        lambda message: deliver(0, np.array(message.data, np.float64)),
        command_qos(_QUEUE),
    )


def _fix(kind: str) -> str:
    return _FIXES.get(kind, f"write the contract's actions as {', '.join(_FIXES)}")


def listen_to_gripper(node: Node, told: GripperTold, refuse: Refuse) -> None:
    """Calls `told` with every `gripper_command`, and `refuse` for one that is not finite."""

    def heard(message: Float64) -> None:
        if math.isfinite(message.data):
            told(message.data)
        else:
            refuse(ObservationError(f"{gripper_topic.GRIPPER_TOPIC} is {message.data}; check what sends it"))

    node.create_subscription(Float64, gripper_topic.GRIPPER_TOPIC, heard, command_qos(_QUEUE))


class PoseListener:
    """`target_pose` completed by the latest `gripper_command`; before the first of those the gripper stands at its
    low bound."""

    def __init__(
        self, node: Node, contract: Contract, deliver: Deliver, refuse: Refuse, gripper_told: GripperTold
    ) -> None:
        action = contract.action
        axes = action.axes
        rotation = CommandSpace(action).rotation
        if action.kind != "ee_pose":
            raise ContractError(f"sink 'pose' records 'ee_pose' actions, not '{action.kind}'; {_fix(action.kind)}")
        if rotation is None:
            raise ContractError("sink 'pose' records 'ee_pose' actions with a quaternion; give the contract qx … qw")
        if not pose_sink.is_pose(action):
            raise ContractError(f"sink 'pose' records x, y, z, a quaternion and gripper alone, not {axes}")
        self._deliver, self._refuse, self._gripper_told = deliver, refuse, gripper_told
        self._frame = action.base_frame
        self._pose = [*(axes.index(axis) for axis in ("x", "y", "z")), *range(rotation.start, rotation.stop)]
        self._command = np.array([entry.low for entry in action.entries])
        # Before the poses: of messages that wait together, rclpy takes those of the older subscription first.
        if "gripper" in axes:
            self._gripper = axes.index("gripper")
            listen_to_gripper(node, self._on_gripper, refuse)
        self.subscription = node.create_subscription(
            PoseStamped, pose_sink.POSE_TOPIC, self._on_pose, command_qos(_QUEUE)
        )

    def _on_gripper(self, value: float) -> None:
        self._command[self._gripper] = value
        self._gripper_told(value)

    def _on_pose(self, message: PoseStamped) -> None:
        try:
            self._command[self._pose] = pose_values(message, pose_sink.POSE_TOPIC, self._frame)
        except ObservationError as error:
            self._refuse(error)
            return
        self._deliver(to_ns(message.header.stamp), self._command.copy())
