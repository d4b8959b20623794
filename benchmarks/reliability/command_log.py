"""Every command that reaches the robot, when it arrived, and whether command_node meant it as a hold."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from builtin_interfaces.msg import Time as TimeMessage
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rclpy.time import Time
from sdm_interfaces.msg import PolicyTrace
from std_msgs.msg import Float64

# Interventions with which the gate passes a policy's command on, changed; all others come with a hold.
CLAMPS = frozenset({"bounds", "velocity", "acceleration", "jerk", "stopping_distance"})
# Commands that differ by less are one place (m, or of a quaternion's entry).
_STANDING = 1e-9
_JUMP_NS = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Command:
    """`arrived`: seconds of the steady clock; `pose` float64[7], and where the arm was `measured` to stand then, NaN
    where that was not known; `held` with the reasons for it; `stamp_ns` of its publication."""

    arrived: float
    pose: NDArray[np.float64]
    measured: NDArray[np.float64]
    reasons: tuple[str, ...]
    held: bool
    stamp_ns: int = 0


@dataclass(frozen=True)
class _Stamped:
    era: int
    """Counts how often the publisher's clock has been set back."""
    stamp_ns: int
    arrived: float

    @property
    def published(self) -> tuple[int, int]:
        """Sorts by publication."""
        return self.era, self.stamp_ns


@dataclass(frozen=True, eq=False)
class _Heard(_Stamped):
    pose: NDArray[np.float64]
    measured: NDArray[np.float64]


@dataclass(frozen=True)
class _Traced(_Stamped):
    reasons: tuple[str, ...]


class CommandLog:
    """Listens beside the robot. A trace of command_node, published right after a command whenever its reasons change,
    tells holds from motion."""

    def __init__(self, node: Node) -> None:
        self._lock = threading.Lock()
        self._commands_clock, self._traces_clock = _Eras(), _Eras()
        self._heard: list[_Heard] = []
        self._measured = np.full(7, np.nan)
        self._traced: list[_Traced] = []
        self.refusals: list[tuple[float, str]] = []
        """What policy_node and command_node refused, and when that was heard."""
        self.gripper_outside = 0
        """Gripper commands that are no number from 0 to 1."""
        node.create_subscription(PoseStamped, "target_pose", self._on_command, QoSProfile(depth=200))
        node.create_subscription(PoseStamped, "current_pose", self._on_pose, qos_profile_sensor_data)
        node.create_subscription(Float64, "gripper_command", self._on_gripper, QoSProfile(depth=200))
        node.create_subscription(PolicyTrace, "command_node/trace", self._on_trace, QoSProfile(depth=200))
        node.create_subscription(PolicyTrace, "policy_node/trace", self._on_policy_trace, QoSProfile(depth=200))

    def _on_command(self, message: PoseStamped) -> None:
        now = time.monotonic()
        with self._lock:
            published = self._commands_clock.of(message.header.stamp)
            self._heard.append(_Heard(*published, now, _values(message), self._measured))

    def _on_pose(self, message: PoseStamped) -> None:
        self._measured = _values(message)

    def _on_gripper(self, message: Float64) -> None:
        self.gripper_outside += not 0.0 <= message.data <= 1.0

    def _on_trace(self, message: PolicyTrace) -> None:
        if message.refusal:
            self.refusals.append((time.monotonic(), message.refusal))
            return
        with self._lock:
            published = self._traces_clock.of(message.header.stamp)
            self._traced.append(_Traced(*published, time.monotonic(), tuple(message.interventions)))

    def _on_policy_trace(self, message: PolicyTrace) -> None:
        if message.refusal:
            self.refusals.append((time.monotonic(), message.refusal))

    def commands(self) -> list[Command]:
        """All that have arrived since `forget`, in the order of their publication."""
        with self._lock:
            heard = sorted(self._heard, key=lambda one: (one.published, one.arrived))
            traced = sorted(self._traced, key=lambda one: (one.published, one.arrived))
        changes = {_traced_command(heard, trace): trace.reasons for trace in traced}
        reasons = changes.get(-1, ())
        found = []
        for index, entry in enumerate(heard):
            reasons = changes.get(index, reasons)
            held = not CLAMPS.issuperset(reasons)
            found.append(Command(entry.arrived, entry.pose, entry.measured, reasons, held, entry.stamp_ns))
        return found

    def forget(self, keep_s: float = 1.0) -> None:
        """Keeps the last second, by which what comes is judged."""
        with self._lock:
            since = time.monotonic() - keep_s
            kept = [one for one in self._heard if one.arrived > since]
            self._heard = kept
            if kept:
                before = [one for one in self._traced if one.published < kept[0].published]
                self._traced = [*before[-1:], *(one for one in self._traced if one not in before)]
            self.refusals = [one for one in self.refusals if one[0] > since]


def _values(message: PoseStamped) -> NDArray[np.float64]:
    p, q = message.pose.position, message.pose.orientation
    return np.array([p.x, p.y, p.z, q.x, q.y, q.z, q.w])


class _Eras:
    """Counts how often a publisher's clock is set back."""

    def __init__(self) -> None:
        self._era, self._last_ns = 0, 0

    def of(self, stamp: TimeMessage) -> tuple[int, int]:
        """Era and stamp (ns) of the next message."""
        now_ns = Time.from_msg(stamp).nanoseconds
        self._era += now_ns < self._last_ns - _JUMP_NS
        self._last_ns = now_ns
        return self._era, now_ns


def _traced_command(heard: Sequence[_Heard], trace: _Traced) -> int:
    """Index of the command that a trace was sent with, the last one not stamped later; -1 where that is forgotten.
    Where the clock stands and many are stamped alike, it is the last that arrived before the trace, which is published
    right after it: the next one may follow at once."""
    last = bisect_right(heard, trace.published, key=lambda one: one.published) - 1
    alike = [index for index in range(last, -1, -1) if heard[index].published == heard[last].published]
    before = [index for index in alike if heard[index].arrived <= trace.arrived]
    return next(iter(before or alike[::-1]), -1)


def times_given(commands: Sequence[Command], period_s: float) -> NDArray[np.float64]:
    """When each was published, in s of its world from the first: what arrives late, and then all at once, was no
    silence. While the clock stands so does the world, whatever time goes by; where it is set back, arrivals tell."""
    between = np.diff([command.arrived for command in commands])
    stamped = np.diff([command.stamp_ns for command in commands]) * 1e-9
    between = np.where(stamped < 0, between, np.minimum(between, np.where(stamped > 0, stamped, period_s)))
    return np.concatenate([np.zeros(min(1, len(commands))), np.cumsum(between)])


@dataclass(frozen=True)
class Reaction:
    """What the commands did in the window after a fault; times in s from it.

    `motion_s`: the last command that was no hold; `rest_s`: the last one that led elsewhere than the one before;
    0 where there was none. `goes_on`: motion lasted to the window's end. `motion_share`: of the commands.
    """

    motion_s: float
    rest_s: float
    goes_on: bool
    motion_share: float
    silent: bool
    reasons: Counter[str]


# Motion that has ended less than this before the window's end has not ended.
_END_S = 0.06


def reaction(commands: Sequence[Command], fault: float, end: float) -> Reaction:
    """Of a fault at a steady time, over the commands that arrived from then on until `end`."""
    inside = [index for index, command in enumerate(commands) if fault < command.arrived <= end]
    moving = [commands[index].arrived - fault for index in inside if not commands[index].held]
    leading = [
        commands[index].arrived - fault
        for index in inside
        if index and np.abs(commands[index].pose - commands[index - 1].pose).max() > _STANDING
    ]
    motion = max(moving, default=0.0)
    return Reaction(
        motion_s=motion,
        rest_s=max(leading, default=0.0),
        goes_on=bool(moving) and fault + motion > end - _END_S,
        motion_share=len(moving) / len(inside) if inside else 0.0,
        silent=not inside or commands[inside[-1]].arrived < end - _END_S,
        reasons=Counter(reason for index in inside if commands[index].held for reason in commands[index].reasons),
    )
