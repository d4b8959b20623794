"""A node for the time of one command."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from embedded_ros.cli.errors import CommandError

DISCOVERY_SECONDS = 0.5


@contextlib.contextmanager
def command_node() -> Iterator[Node]:
    """A hidden node (its name begins with an underscore, as those of `ros2`)."""
    rclpy.init(args=[])
    try:
        node = rclpy.create_node(f"_ros2cli_{os.getpid()}", start_parameter_services=False)
        yield node
        node.destroy_node()
    except ExternalShutdownException as end:
        # How rclpy tells of a signal where Python itself is told nothing.
        raise KeyboardInterrupt from end
    finally:
        rclpy.try_shutdown()


def wait_for_discovery() -> None:
    """Let the peers' announcements arrive: a graph is never known to be complete."""
    time.sleep(DISCOVERY_SECONDS)


def wait_until(condition: Callable[[], bool], timeout: float, interval: float = 0.02) -> bool:
    """Poll the graph until the condition holds; False when `timeout` seconds have passed."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True


def is_hidden(name: str) -> bool:
    return any(part.startswith("_") for part in name.split("/"))


def absolute(name: str) -> str:
    return name if name.startswith("/") else f"/{name}"


def full_node_name(name: str, namespace: str) -> str:
    return f"{namespace.rstrip('/')}/{name}"


def node_names(node: Node) -> list[str]:
    """The graph's nodes, hidden ones left out, sorted."""
    names = (full_node_name(name, namespace) for name, namespace in node.get_node_names_and_namespaces())
    return sorted(name for name in names if not is_hidden(name))


def spin_for_result(node: Node, future, timeout: float, what: str):
    """The future's result, or CommandError when it does not come in time."""
    rclpy.spin_until_future_complete(node, future, timeout_sec=timeout)
    if not future.done():
        raise CommandError(f"{what} did not answer within {timeout:g} s")
    return future.result()
