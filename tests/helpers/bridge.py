"""The bridge within the test's process, so that what it did can be compared number by number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from sdm_sim.bridge.bridge_node import BridgeNode, spinning
from sdm_sim.rollout import EpisodeResult

from helpers.graph import Graph, graph


@contextmanager
def bridge(graph: Graph, **parameters: Any) -> Iterator[BridgeNode]:
    """A bridge on the graph's domain whose callbacks are served; call its `run`."""
    settings = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
    rclpy.init(args=["bridge_node", "--ros-args", *settings], domain_id=graph.domain)
    try:
        node = BridgeNode()
        try:
            with spinning(node):
                yield node
        finally:
            node.close()
            node.destroy_node()
    finally:
        rclpy.try_shutdown()


def require_same_in_lockstep(folder: Path, checkpoint: Path, expected: EpisodeResult) -> None:
    """Asserts that a policy_node acts in lockstep, in the episode of seed 1 of the bridge's task, as `expected`."""
    with graph(folder, use_sim_time=True) as nodes:
        nodes.start("policy_node", checkpoint=checkpoint, command="inline", reliable_sensors=True)
        with bridge(nodes, task="test/toy", episodes=1, seed0=1, checkpoint=checkpoint) as node:
            (outcome,) = node.run()
    assert (outcome.success, outcome.steps, outcome.misses) == (expected.success, expected.steps, 0)
    assert np.abs(outcome.actions - expected.actions).max() <= 1e-6
