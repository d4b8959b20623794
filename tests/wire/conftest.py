"""Fixtures of the tests on the wire."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import rclpy
from helpers.domain import own_domain
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node


class Graph:
    """Nodes of one test on an otherwise empty domain, with an executor that spins when told."""

    def __init__(self) -> None:
        self.domain_id = own_domain()
        self.context = Context()
        rclpy.init(args=[], context=self.context, domain_id=self.domain_id)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.nodes: list[Node] = []  # a node that nobody holds is gone

    def node(self, name: str, *, spun: bool = True, **options) -> Node:
        node = rclpy.create_node(name, context=self.context, **options)
        self.nodes.append(node)
        if spun:
            self.executor.add_node(node)
        return node

    def spin_until(self, condition: Callable[[], object], timeout: float = 60.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"did not come true within {timeout:g} s"
            self.executor.spin_once(timeout_sec=0.02)

    def close(self) -> None:
        nodes = {*self.nodes, *self.executor.get_nodes()}
        self.executor.shutdown()
        for node in nodes:  # else they may stay on the domain, which a later test gets again
            node.destroy_node()
        rclpy.try_shutdown(context=self.context)


@pytest.fixture
def graph():
    graph = Graph()
    yield graph
    graph.close()
