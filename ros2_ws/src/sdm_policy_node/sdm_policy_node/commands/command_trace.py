"""command_node's traces: which observation a command answers, what the gate changed, and what was refused."""

from __future__ import annotations

import time

from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile
from sdm_core.commands.command_gate import GateDecision
from sdm_interfaces.msg import ActionChunk as ActionChunkMessage
from sdm_interfaces.msg import PolicyTrace

from sdm_policy_node.time_stamps import to_ns


class CommandTrace:
    """`~/trace`: one for the first command out of each chunk, one whenever the gate's interventions change."""

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        self._publisher = node.create_publisher(PolicyTrace, "~/trace", QoSProfile(depth=100))
        self.forget()

    def close(self) -> None:
        """Gives the topic up."""
        self._node.destroy_publisher(self._publisher)

    def forget(self) -> None:
        """No chunk waits for its first command any more."""
        self._untraced: ActionChunkMessage | None = None
        self._last_interventions: tuple[str, ...] = ()

    def chunk(self, message: ActionChunkMessage) -> None:
        """A chunk is being followed."""
        self._untraced = message

    def decision(self, decision: GateDecision, begin_ns: int, published: bool) -> None:
        """A decision was made; `begin_ns` (performance counter) is when its making began."""
        changed = decision.interventions != self._last_interventions
        self._last_interventions = decision.interventions
        message = None if decision.held else self._untraced
        if message is None and not changed:
            return
        trace = PolicyTrace(
            commands=int(published and decision.command is not None),
            gate_publish_ms=(time.perf_counter_ns() - begin_ns) / 1e6,
            interventions=list(decision.interventions),
        )
        if message is not None:
            self._untraced = None
            trace.observation_stamp, trace.sequence = message.observation_stamp, message.sequence
            trace.cloud_ms, trace.inference_ms = message.cloud_ms, message.inference_ms
            trace.loop_ms = (time.time_ns() - to_ns(message.received)) / 1e6
        self._publish(trace)

    def refusal(self, line: str) -> None:
        """Nothing is commanded, for this reason."""
        self._publish(PolicyTrace(refusal=line))

    def _publish(self, trace: PolicyTrace) -> None:
        trace.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(trace)
