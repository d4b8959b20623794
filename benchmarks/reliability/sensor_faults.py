"""What drivers and networks do to messages: each fault turns a sound message into that of a broken sensor."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.time import Time

DEPTH, INFO, JOINTS, POSE, TF, CLOCK, CHUNKS, HEARTBEAT = (
    "depth",
    "info",
    "joints",
    "pose",
    "tf",
    "clock",
    "chunks",
    "heartbeat",
)
STATE, SENSORS, NETWORK = (JOINTS, POSE), (DEPTH, INFO, JOINTS, POSE, TF), (CHUNKS, HEARTBEAT)
AHEAD_NS, BACK_NS = 1_000_000_000, 5_000_000_000
LOSS = 0.3


@dataclass(frozen=True)
class SensorFault:
    """`change(message, last)`: what comes in the message's place, None for nothing; `last` is the newest message of
    that stream from before the fault."""

    streams: tuple[str, ...]
    change: Callable[[Any, Any], Any]


def _silent(message: Any, last: Any) -> None:
    return None


def _lossy(message: Any, last: Any) -> Any:
    return None if random.random() < LOSS else message


def _with(message: Any, **values: Any) -> Any:
    changed = copy(message)
    for name, value in values.items():
        setattr(changed, name, value)
    return changed


def _later(nanoseconds: int) -> Callable[[Any, Any], Any]:
    """The stamps of all headers, and of a clock, moved by so much."""

    def moved(stamp: Any) -> Any:
        return Time(nanoseconds=Time.from_msg(stamp).nanoseconds + nanoseconds).to_msg()

    def change(message: Any, last: Any) -> Any:
        if hasattr(message, "clock"):
            return _with(message, clock=moved(message.clock))
        if hasattr(message, "transforms"):
            transforms = [
                _with(one, header=_with(one.header, stamp=moved(one.header.stamp))) for one in message.transforms
            ]
            return _with(message, transforms=transforms)
        return _with(message, header=_with(message.header, stamp=moved(message.header.stamp)))

    return change


def _frozen(message: Any, last: Any) -> Any:
    return _with(message, data=last.data)


def _all_nan(message: Any, last: Any) -> Any:
    nothing = np.full((message.height, message.width), np.nan, "<f4")
    return _with(message, encoding="32FC1", step=4 * message.width, data=array("B", nothing.tobytes()))


def _all_zero(message: Any, last: Any) -> Any:
    return _with(message, data=array("B", bytes(len(message.data))))


def _stale(message: Any, last: Any) -> Any:
    return _with(message, header=last.header)


def _reordered(message: Any, last: Any) -> Any:
    order = random.sample(range(len(message.name)), len(message.name))
    return _with(
        message,
        name=[message.name[index] for index in order],
        position=array("d", [message.position[index] for index in order]),
    )


def _without(joint: str) -> Callable[[Any, Any], Any]:
    def change(message: Any, last: Any) -> Any:
        kept = [index for index, name in enumerate(message.name) if name != joint]
        return _with(
            message,
            name=[message.name[index] for index in kept],
            position=array("d", [message.position[index] for index in kept]),
        )

    return change


def _nan_joints(message: Any, last: Any) -> Any:
    return _with(message, position=array("d", [float("nan")] * len(message.position)))


def _moved_pose(**offsets: float) -> Callable[[Any, Any], Any]:
    def change(message: Any, last: Any) -> Any:
        position = copy(message.pose.position)
        for axis, offset in offsets.items():
            setattr(position, axis, getattr(position, axis) + offset)
        return _with(message, pose=_with(message.pose, position=position))

    return change


def _foreign_frame(message: Any, last: Any) -> Any:
    return _with(message, header=_with(message.header, frame_id="somewhere_else"))


# A state entry of the cell's contracts.
FINGER = "fr3_finger_joint1"

SENSOR_FAULTS: dict[str, SensorFault] = {
    "camera_silent": SensorFault((DEPTH, INFO), _silent),
    "camera_frozen": SensorFault((DEPTH,), _frozen),
    "camera_in_the_future": SensorFault((DEPTH, INFO), _later(AHEAD_NS)),
    "camera_in_the_past": SensorFault((DEPTH, INFO), _later(-AHEAD_NS)),
    "camera_wrong_encoding": SensorFault((DEPTH,), lambda message, last: _with(message, encoding="8UC2")),
    "camera_empty": SensorFault((DEPTH,), lambda message, last: _with(message, data=array("B"))),
    "camera_all_nan": SensorFault((DEPTH,), _all_nan),
    "camera_all_zero": SensorFault((DEPTH,), _all_zero),
    "camera_other_size": SensorFault((INFO,), lambda message, last: _with(message, width=2 * message.width)),
    "joints_silent": SensorFault((JOINTS,), _silent),
    "joints_stale": SensorFault((JOINTS,), _stale),
    "joints_reordered": SensorFault((JOINTS,), _reordered),
    "joints_lack_a_name": SensorFault((JOINTS,), _without(FINGER)),
    "joints_nan": SensorFault((JOINTS,), _nan_joints),
    "pose_silent": SensorFault((POSE,), _silent),
    "pose_nan": SensorFault((POSE,), _moved_pose(x=float("nan"))),
    "pose_leaps": SensorFault((POSE,), _moved_pose(x=0.3)),
    "pose_in_another_frame": SensorFault((POSE,), _foreign_frame),
    "tf_missing": SensorFault((TF,), _silent),
    "stamps_jump_back": SensorFault(SENSORS, _later(-BACK_NS)),
    "message_loss": SensorFault((*SENSORS, *NETWORK), _lossy),
    "network_down": SensorFault((*SENSORS, *NETWORK), _silent),
    "policy_host_unreachable": SensorFault(NETWORK, _silent),
    "clock_jumps_back": SensorFault((*SENSORS, CLOCK), _later(-BACK_NS)),
    "clock_stands": SensorFault((CLOCK,), _silent),
}
