"""A node for as long as a command of the terminal needs it. rclpy is imported only then: most commands work without."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sdm_core.camera_topics import NAMESPACE

if TYPE_CHECKING:
    from rclpy.node import Node


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """A command's own arguments, and ROS's: `--ros-args` and all after it, such as `-r current_pose:=/arm/pose`."""
    own = list(arguments)
    at = own.index("--ros-args") if "--ros-args" in own else len(own)
    return own[:at], own[at:]


def add_camera_namespace(parser: argparse.ArgumentParser) -> None:
    """`--camera-namespace`, the parameter of that name of the nodes."""
    parser.add_argument(
        "--camera-namespace", default=NAMESPACE, help="namespace of the cameras' drivers, as of policy_node"
    )


@contextmanager
def tool_node(name: str, ros_arguments: Sequence[str] = ()) -> Iterator[Node]:
    """Signals stay Python's, so that Ctrl-C is a KeyboardInterrupt wherever the command is."""
    import rclpy
    from rclpy.node import Node
    from rclpy.signals import SignalHandlerOptions

    from sdm_policy_node.run_node import initialise

    initialise(SignalHandlerOptions.NO, [name, *ros_arguments])
    node = Node(name)
    try:
        yield node
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
