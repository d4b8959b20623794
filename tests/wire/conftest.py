"""Fixtures of the tests on the wire."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

# Tests run one after another, but a process of an earlier test may live on for a moment: every test has a domain of
# its own. 1 to 99 are safe on every system; the process id keeps two test runs apart.
_domains = itertools.cycle(range(1, 100))
for _ in range(os.getpid() % 99):
    next(_domains)


class Graph:
    """Nodes of one test on an otherwise empty domain, with an executor that spins when told."""

    def __init__(self) -> None:
        self.domain_id = next(_domains)
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
        self.executor.shutdown()
        rclpy.try_shutdown(context=self.context)


@pytest.fixture
def graph():
    graph = Graph()
    yield graph
    graph.close()
