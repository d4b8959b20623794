"""Where the tool stands: as the policy's state tells it, or else as the arm's controller does."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.contract import Contract
from sdm_core.errors import ObservationError
from sdm_policy_node.pose_message import pose_values
from sdm_policy_node.sources.observation_source import sensor_qos
from sdm_policy_node.sources.state_source import POSE_TOPIC, StateSource

from sdm_cockpit.graph.problems import Problems
from sdm_cockpit.snapshot import Pose
from sdm_cockpit.tool_path import ToolPath

SOURCE = "state"


class ToolListener:
    """`pose` is the newest that came; None before the first."""

    def __init__(
        self, node: Node, contract: Contract, tool_path: ToolPath, problems: Problems, max_skew_s: float
    ) -> None:
        self.pose: Pose | None = None
        self._tool_path = tool_path
        self._problems = problems
        self._frame = contract.action.base_frame
        self._states = StateSource(node, False, self._on_state, self._on_state_refused)
        self._states.configure(contract, max_skew_s)
        self._node = node
        self._subscription = None
        if tool_path.pose(np.zeros(contract.state_dim)) is None:  # the policy itself is not told
            self._subscription = node.create_subscription(PoseStamped, POSE_TOPIC, self._on_pose, sensor_qos(False, 1))

    def close(self) -> None:
        """Listens no more."""
        self._states.close()
        if self._subscription:
            self._node.destroy_subscription(self._subscription)

    def _on_state(self, stamp_ns: int, state: NDArray[np.float64]) -> None:
        with self._problems.of(SOURCE):
            pose = self._tool_path.pose(state)
            if pose is not None:
                self.pose = pose

    def _on_state_refused(self, stamp_ns: int, error: ObservationError) -> None:
        self._problems.note(SOURCE, error)

    def _on_pose(self, message: PoseStamped) -> None:
        with self._problems.of(POSE_TOPIC):
            values = np.array(pose_values(message, POSE_TOPIC, self._frame))
            self.pose = Pose(values[:3], values[3:])
