"""The robot's state, from joint_states and, where the contract asks for it, current_pose."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.contract import Contract
from sdm_core.errors import ObservationError
from sdm_core.state_vector import StateVector
from sensor_msgs.msg import JointState

from sdm_policy_node.observation_source import sensor_qos
from sdm_policy_node.pose_message import frame_difference, pose_values
from sdm_policy_node.time_stamps import to_ns

JOINT_TOPIC = "joint_states"
POSE_TOPIC = "current_pose"
POSE_NAMES = ("ee.x", "ee.y", "ee.z", "ee.qx", "ee.qy", "ee.qz", "ee.qw")

Deliver = Callable[[int, NDArray[np.float64]], None]
Refuse = Callable[[int, ObservationError], None]


class StateSource:
    """Gathers the contract's state by name over both messages, once for each pair whose stamps agree.

    A contract that needs one of the messages only is served by that one alone.
    """

    def __init__(self, node: Node, reliable: bool, deliver: Deliver, refuse: Refuse, depth: int = 50) -> None:
        """On the executor's thread: `deliver(stamp_ns, state[S])`, or `refuse(stamp_ns, reason)`."""
        self._deliver = deliver
        self._refuse = refuse
        self._joints: JointState | None = None
        self._pose: PoseStamped | None = None
        self._vector: StateVector | None = None
        self._last_ns: int | None = None
        self._node = node
        self._subscriptions = (
            node.create_subscription(JointState, JOINT_TOPIC, self._on_joints, sensor_qos(reliable, depth)),
            node.create_subscription(PoseStamped, POSE_TOPIC, self._on_pose, sensor_qos(reliable, depth)),
        )

    def close(self) -> None:
        """Listens no more."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def differences(self, contract: Contract) -> list[str]:
        """A line each for what the messages heard so far lack: names that the contract needs, its base frame."""
        lines = []
        if self._joints and (missing := set(contract.state_names) - set(self._joints.name) - set(POSE_NAMES)):
            lines.append(f"joint_states lack {', '.join(sorted(missing))}; the contract's state needs them")
        if self._pose and _needs_pose(contract):
            lines.append(frame_difference(self._pose, POSE_TOPIC, contract.action.base_frame))
        return [line for line in lines if line]

    def configure(self, contract: Contract, max_skew_s: float) -> None:
        """Begins to deliver states of this contract; `max_skew_s` 0 means half a control period."""
        self._vector = StateVector(contract.observation.state)
        self._needs_pose = _needs_pose(contract)
        self._needs_joints = not set(contract.state_names) <= set(POSE_NAMES)
        self._max_skew_ns = int(max_skew_s * 1e9) or contract.dt_ns // 2
        self._frame = contract.action.base_frame
        # A simulated environment with commands of its own has chosen the sign that its demonstrations have, too.
        self._sign_as_sent = contract.action.kind == "native"
        self._last_ns = None

    def _on_joints(self, message: JointState) -> None:
        self._joints = message
        if self._vector and self._needs_joints:
            self._merge()

    def _on_pose(self, message: PoseStamped) -> None:
        self._pose = message
        if self._vector and self._needs_pose:
            self._merge()

    def _merge(self) -> None:
        joints = self._joints if self._needs_joints else None
        pose = self._pose if self._needs_pose else None
        if (self._needs_joints and joints is None) or (self._needs_pose and pose is None):
            return
        stamps = [to_ns(message.header.stamp) for message in (joints, pose) if message]
        stamp_ns = min(stamps)
        if max(stamps) - stamp_ns > self._max_skew_ns or stamp_ns == self._last_ns:
            return
        try:
            state = self._gathered(joints, pose)
        except ObservationError as error:
            self._refuse(stamp_ns, error)
            return
        self._last_ns = stamp_ns
        self._deliver(stamp_ns, state)

    def _gathered(self, joints: JointState | None, pose: PoseStamped | None) -> NDArray[np.float64]:
        names: list[str] = []
        values: list[float] = []
        if joints:
            names += joints.name
            values += joints.position
        if pose:
            names += POSE_NAMES
            values += pose_values(pose, POSE_TOPIC, self._frame, self._sign_as_sent)
        assert self._vector is not None
        return self._vector.gather(names, values)


def _needs_pose(contract: Contract) -> bool:
    return not set(contract.state_names).isdisjoint(POSE_NAMES)
