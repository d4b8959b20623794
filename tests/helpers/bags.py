"""Bags for tests, written as a recording would be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.graph import Graph, NodeProcess


@contextmanager
def recorded_bag(graph: Graph, path: Path, *topics: str) -> Iterator[NodeProcess]:
    """Records everything on the graph's domain, or the topics given, into an MCAP bag, as a process of its own."""
    ros2 = "ros2" if shutil.which("ros2") else "ros2-embedded"
    environment = {**os.environ, "ROS_DOMAIN_ID": str(graph.domain), "PYTHONUNBUFFERED": "1"}
    log = path.with_suffix(".log")
    chosen = list(topics) or ["--all"]
    process = NodeProcess(ros2, ["bag", "record", "-s", "mcap", "-o", str(path), *chosen], environment, log)
    graph.processes.append(process)
    try:
        yield process
    finally:
        process.end()
