"""A policy of chunks and heartbeats, and the command node that follows it."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from sdm_core.contract import Contract
from sdm_interfaces.msg import ActionChunk, Heartbeat, PolicyTrace
from std_msgs.msg import Float64MultiArray

from helpers.fake_robot import time_message
from helpers.graph import Graph

# A test's process may be kept waiting: what is lost only to that is not lost.
_TIMES = {"hold_s": 0.2, "chunk_timeout_s": 0.2, "heartbeat_timeout_s": 0.5, "state_timeout_s": 0.5}


class Policy:
    """Stands in for policy_node: chunks of constant targets and a heartbeat, as often as the test calls for."""

    def __init__(self, world: Graph, contract: Contract, folder: Path, **parameters) -> None:
        self.world, self.contract = world, contract
        path = folder / "contract.yaml"
        contract.save(path)
        self.process = world.start("command_node", checkpoint=path, **{**_TIMES, **parameters})
        self.chunks = world.node.create_publisher(ActionChunk, "action_chunk", 10)
        self.heartbeat = world.node.create_publisher(Heartbeat, "heartbeat", 1)
        self.commands: list[list[float]] = []
        self.traces: list[PolicyTrace] = []
        world.node.create_subscription(
            Float64MultiArray, "native_command", lambda m: self.commands.append(list(m.data)), 50
        )
        world.node.create_subscription(PolicyTrace, "command_node/trace", self.traces.append, 50)
        assert world.spin_until(
            lambda: self.chunks.get_subscription_count() and self.heartbeat.get_subscription_count(), 60.0
        ), world.outputs()
        self._sequence = 0

    def beat(self, refusal: str = "") -> None:
        self.heartbeat.publish(Heartbeat(refusal=refusal))

    def send(self, target: list[float], **changes) -> None:
        self._sequence += 1
        message = ActionChunk(
            observation_stamp=time_message(time.time_ns()),
            sequence=self._sequence,
            task=self.contract.task,
            kind=self.contract.action.kind,
            names=[entry.name for entry in self.contract.action.entries],
            dt=self.contract.dt,
            horizon=self.contract.horizon,
            targets=np.tile(target, self.contract.horizon).tolist(),
            received=time_message(time.time_ns()),
        )
        message.header.frame_id = self.contract.action.base_frame
        for name, value in changes.items():
            setattr(message, name, value)
        self.chunks.publish(message)

    def keep_alive_until(self, predicate, target: list[float] | None = None) -> bool:
        """Beats, and sends a chunk each time, until the predicate holds."""

        def step() -> bool:
            if time.monotonic() - self._last > 0.04:
                self._last = time.monotonic()
                self.beat()
                if target is not None:
                    self.send(target)
            return predicate()

        self._last = 0.0
        return self.world.spin_until(step, 40.0)


def interventions(traces: list[PolicyTrace]) -> set[str]:
    return {reason for trace in traces for reason in trace.interventions}
