"""The bridge within the test's process, so that what it did can be compared number by number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import rclpy
from sdm_sim.bridge.bridge_node import BridgeNode, spinning

from helpers.graph import Graph


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
