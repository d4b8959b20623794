"""The policy's newest chunk, as a plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.anchor import absolute
from sdm_core.contract import Contract
from sdm_interfaces.msg import ActionChunk as ActionChunkMessage
from sdm_policy_node.chunk_message import from_chunk_message
from sdm_policy_node.commands.sole_publisher import LEADING, UNFOLLOWED
from sdm_policy_node.sources.observation_source import sensor_qos

from sdm_cockpit.graph.problems import Problems
from sdm_cockpit.graph.tool_listener import ToolListener
from sdm_cockpit.snapshot import Plan
from sdm_cockpit.tool_path import ToolPath

# A chunk that ended so long ago, or lies so far ahead, says nothing of the present.
_STALE_NS = 1_000_000_000


@dataclass(frozen=True, eq=False)
class _Led:
    """A chunk, and the path [H,3] on which it leads the tool, where it names one."""

    chunk: ActionChunk
    path: NDArray[np.float64] | None


class ChunkListener:
    """Of chunks that follow each other closely only the newest is kept."""

    def __init__(
        self, node: Node, contract: Contract, tool_path: ToolPath, tool: ToolListener, problems: Problems
    ) -> None:
        self._contract = absolute(contract)
        self._tool_path = tool_path
        self._tool = tool
        self._problems = problems
        self._newest: _Led | None = None
        self._node = node
        self._subscriptions = [
            node.create_subscription(ActionChunkMessage, f"{space}action_chunk", self._on_chunk, sensor_qos(False, 1))
            for space in (LEADING, UNFOLLOWED)
        ]

    def close(self) -> None:
        """Listens no more."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def plans(self, now_ns: int, followed_ns: int) -> tuple[Plan, ...]:
        """What the policy plans at a time of the graph's clock; nothing where its last chunk is over.

        `followed_ns`: stamp of the observation that the robot is led by; what it is not led by, it does not execute.
        """
        led = self._newest
        if led is None:
            return ()
        chunk = led.chunk
        if not chunk.stamp_ns - _STALE_NS < now_ns < chunk.end_ns + _STALE_NS:
            return ()
        passed = (now_ns - chunk.stamp_ns) // chunk.dt_ns + 1 if followed_ns == chunk.stamp_ns else 0
        executed = min(max(passed, 0), len(chunk.targets))
        return (Plan(chunk.sequence, chunk.targets, led.path, executed),)

    def _on_chunk(self, message: ActionChunkMessage) -> None:
        with self._problems.of("chunk"):
            chunk = from_chunk_message(message, self._contract)
            pose = self._tool.pose
            path = self._tool_path.path(chunk.targets, None if pose is None else pose.position)
            self._newest = _Led(chunk, path)
