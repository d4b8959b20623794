"""A node for the time of one command, and what the graph's names mean."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator

import rclpy
from rclpy.exceptions import NameValidationException, RCLError
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.parameter import Parameter

from embedded_ros.cli.argument_types import not_negative
from embedded_ros.cli.errors import CommandError

# Peers on one machine are known after about 0.1 s; a busy one takes longer.
DISCOVERY_SECONDS = 0.5

NamesAndTypes = list[tuple[str, list[str]]]


def add_node_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that all commands of `ros2` with a node of their own have."""
    parser.add_argument(
        "--spin-time",
        type=not_negative,
        default=DISCOVERY_SECONDS,
        metavar="SECONDS",
        help=f"how long to let the graph become known [{DISCOVERY_SECONDS}]",
    )
    parser.add_argument("-s", "--use-sim-time", action="store_true", help="take the time from /clock")
    parser.add_argument("--no-daemon", action="store_true", help="as always here: there is no daemon")


@contextlib.contextmanager
def command_node(
    options: argparse.Namespace, name: str | None = None, cli_args: list[str] | None = None
) -> Iterator[Node]:
    """A node with the options of `add_node_arguments`, hidden (`_ros2cli_…`, as those of `ros2`) unless named."""
    try:
        rclpy.init(args=[])
    except RuntimeError as error:  # such as a ROS_DOMAIN_ID that is none
        raise CommandError(str(error)) from error
    try:
        node = rclpy.create_node(
            name or f"_ros2cli_{os.getpid()}",
            cli_args=cli_args,
            start_parameter_services=False,
            parameter_overrides=[Parameter("use_sim_time", value=options.use_sim_time)],
        )
        yield node
        node.destroy_node()
    except RCLError as error:
        raise CommandError(str(error)) from error
    except NameValidationException as error:
        raise CommandError(f"Invalid {error.name_type} '{error.name}': {error.error_msg}") from error
    except ExternalShutdownException as end:
        # How rclpy tells of a signal where Python itself is told nothing.
        raise KeyboardInterrupt from end
    finally:
        rclpy.try_shutdown()


@contextlib.contextmanager
def discovered_graph(options: argparse.Namespace) -> Iterator[Node]:
    """A command's node, once its peers' announcements had the time to arrive: no graph is ever known to be whole."""
    with command_node(options) as node:
        time.sleep(options.spin_time)
        yield node


def wait_until(condition: Callable[[], bool], timeout: float, interval: float = 0.02) -> bool:
    """Poll the graph until the condition holds; False when `timeout` seconds have passed."""
    deadline = time.monotonic() + timeout
    while not condition():
        require_context()
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True


def require_context() -> None:
    """ExternalShutdownException once SIGTERM has come, which cuts no wait short by itself."""
    if not rclpy.ok():
        raise ExternalShutdownException


def is_hidden(name: str) -> bool:
    return any(part.startswith("_") for part in name.split("/"))


def visible(names_and_types: Iterable[tuple[str, list[str]]], include_hidden: bool = False) -> NamesAndTypes:
    return [(name, types) for name, types in names_and_types if include_hidden or not is_hidden(name)]


def absolute(name: str) -> str:
    return name if name.startswith("/") else f"/{name}"


def split_node_name(full_name: str) -> tuple[str, str]:
    """ "/arm/talker" → ("talker", "/arm")."""
    namespace, _, name = full_name.rpartition("/")
    return name, namespace or "/"


def full_node_name(name: str, namespace: str) -> str:
    return f"{namespace.rstrip('/')}/{name}"


def node_names(node: Node, include_hidden: bool = False) -> list[str]:
    """The graph's nodes by their full names, sorted; a name that two nodes share stands there twice."""
    return sorted(
        full_node_name(name, namespace)
        for name, namespace in node.get_node_names_and_namespaces()
        if include_hidden or not name.startswith("_")
    )


def require_node(node: Node, given: str, timeout: float, include_hidden: bool = False) -> str:
    """The full name of a node of the graph; CommandError when it does not appear in `timeout` seconds."""
    name = absolute(given)
    if not wait_until(lambda: name in node_names(node, include_hidden), timeout):
        raise CommandError("Node not found")
    return name


def spin_for_result(node: Node, future, timeout: float | None, what: str):
    """The future's result, or CommandError when it does not come in `timeout` seconds (None: wait for ever)."""
    rclpy.spin_until_future_complete(node, future, timeout_sec=timeout)
    if not future.done():
        require_context()
        raise CommandError(f"{what} did not answer within {timeout:g} s")
    return future.result()
