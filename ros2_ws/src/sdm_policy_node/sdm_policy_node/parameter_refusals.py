"""What is wrong with a parameter that a node was given: its value, or its name."""

from __future__ import annotations

from array import array
from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from rclpy.node import Node
from sdm_core.errors import SdmError

# From this likeness on (difflib's) a name is a slip of another: `workspace_lo`, and not `home`.
_ALIKE = 0.7
# What ROS declares by itself, later or not on every distribution.
_ROS = ("use_sim_time", "start_type_description_service")
_ROS_PREFIXES = ("qos_overrides.", "diagnostic_updater.")
# Of teleop_node, cockpit_node and bridge_node, and no slips of the names here that they resemble.
_ELSEWHERE = (
    "answer_timeout_s", "checkpoint_name", "checkpoints", "key_hold_s", "linear_speed", "seed0", "startup_timeout_s",
)  # fmt: skip


def wrong_value(given: Any, default: Any, low: float | None, high: float | None) -> str:
    """Why rclpy has refused a value, and what to write in its place: the type is the default's, the range inclusive."""
    value = given.tolist() if isinstance(given, array) else given
    if isinstance(default, bool):
        return f"{value!r} is neither true nor false"
    if isinstance(default, str):
        return f"{value!r} is no text; write '{value}', in quotes"
    if isinstance(default, list):
        floats = isinstance(value, list) and value and all(type(each) is int for each in value)
        fix = f"; write {[float(each) for each in value]}" if floats else ""
        return f"{value!r} is no list of floating-point numbers{fix}"
    if type(value) is type(default):
        return f"{value} is out of range; give one from {low} to {high}"
    if isinstance(default, float):
        return f"{value!r} is no floating-point number" + (f"; write {float(value)}" if type(value) is int else "")
    return f"{value!r} is no integer"


def refuse_misspelt(node: Node, own: Collection[str], neighbours: Collection[str]) -> None:
    """Raises SdmError where the node was given a parameter whose name is a slip of one of its `own`: ROS drops what
    nobody declares, and with it a protection that was meant to be on. Any other unknown name is a warning; those of
    `neighbours`, which share a file with it, are none."""
    own, known = {*own, *_ROS}, {*own, *_ROS, *neighbours}
    # rclpy has no public name for what a node was given and has not declared; this one is the same from Humble on.
    for name in node._parameter_overrides:
        if name in known or name.startswith(_ROS_PREFIXES):
            continue
        near = [] if name in _ELSEWHERE else get_close_matches(name, sorted(known), n=1, cutoff=_ALIKE)
        # With a dot it is a driver's that resembles ours, as align_depth.enable.
        if near and near[0] in own and "." not in name:
            raise SdmError(
                f"parameter {name}: {node.get_name()} has none of this name; did you mean {near[0]}? Another node's "
                "belongs under that node's name, not under /**"
            )
        node.get_logger().warning(f"parameter '{name}' is none that {node.get_name()} knows; it has no effect on it")
