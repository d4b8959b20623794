"""Commands and traces as they come in from the graph, for the thread that steps the world."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from sdm_interfaces.msg import PolicyTrace
from std_msgs.msg import Float64, Float64MultiArray

from sdm_sim.bridge.errors import BridgeError, Interrupted

# Lockstep sends the commands of a whole chunk at once.
_COMMANDS = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
_SHUTDOWN_POLL_S = 0.1


@dataclass(frozen=True, eq=False)
class PoseTarget:
    """Where the tool shall be, in `frame`, and the gripper command that goes with it (None before the first)."""

    frame: str
    position: NDArray[np.float64]
    quaternion_xyzw: NDArray[np.float64]
    gripper: float | None


# A native command is a plain vector float64[A].
Command = NDArray[np.float64] | PoseTarget


class CommandInbox:
    """Filled on the executor's thread; emptied on the simulation's, where Interrupted says that the context is down."""

    def __init__(self, node: Node, gripper: bool) -> None:
        """`gripper`: whether a gripper command of its own comes with every pose."""
        self._pairs = gripper
        self._ok = node.context.ok
        self._changed = threading.Condition()
        self._commands: deque[Command] = deque()
        self._traces: deque[PolicyTrace] = deque(maxlen=16)
        self._grippers: deque[float] = deque()
        self._gripper: float | None = None
        node.create_subscription(Float64MultiArray, "native_command", self._on_native, _COMMANDS)
        node.create_subscription(PoseStamped, "target_pose", self._on_pose, _COMMANDS)
        node.create_subscription(Float64, "gripper_command", self._on_gripper, _COMMANDS)

    def clear(self) -> None:
        """Forgets all: an episode begins."""
        with self._changed:
            self._commands.clear()
            self._traces.clear()
            self._grippers.clear()
            self._gripper = None

    @property
    def traced(self) -> bool:
        """Whether policy_node has answered anything since the last `clear`."""
        return bool(self._traces)

    def newest(self) -> tuple[Command | None, int]:
        """The last command since the previous call, and how many older ones came too late for their step."""
        if not self._ok():
            raise Interrupted
        with self._changed:
            late = max(len(self._commands) - 1, 0)
            command = self._commands[-1] if self._commands else None
            self._commands.clear()
            self._grippers.clear()
            if isinstance(command, PoseTarget):
                command = replace(command, gripper=self._gripper)
            return command, late

    def answer(self, stamp_ns: int, timeout_s: float, given_up: Callable[[], bool]) -> tuple[list[Command], str]:
        """The commands that answer the observation of a stamp, and why there are none; none once it is `given_up`.

        Raises BridgeError where the trace, or a command that it lists, does not come in time.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            self._await(lambda: self._trace(stamp_ns) is not None or given_up(), deadline)
            trace = self._trace(stamp_ns)
            if given_up():
                return [], ""
            if trace is None:
                raise BridgeError(
                    f"policy_node gave no trace for the observation of {stamp_ns * 1e-9:.4f} s within {timeout_s:g} s; "
                    "is it alive, and does it run with command:=inline and reliable_sensors:=true?"
                )
            self._await(lambda: len(self._commands) >= trace.commands, deadline)
            if len(self._commands) < trace.commands:
                raise BridgeError(
                    f"policy_node listed {trace.commands} commands, {len(self._commands)} came within {timeout_s:g} s"
                )
            commands = [self._commands.popleft() for _ in range(trace.commands)]
            return self._with_grippers(commands, deadline), trace.refusal

    def on_trace(self, message: PolicyTrace) -> None:
        """Takes a trace of policy_node."""
        with self._changed:
            self._traces.append(message)
            self._changed.notify_all()

    def _with_grippers(self, commands: list[Command], deadline: float) -> list[Command]:
        """Gives each pose the gripper command sent with it: they travel on topics of their own, in any order.

        Where there are fewer of those, the first poses had none: a policy that holds tells the gripper nothing yet.
        """
        poses = [index for index, command in enumerate(commands) if isinstance(command, PoseTarget)]
        if not self._pairs or not poses:
            return commands
        self._await(lambda: len(self._grippers) >= len(poses), deadline)
        for index, gripper in zip(reversed(poses), reversed(self._grippers), strict=False):
            command = commands[index]
            assert isinstance(command, PoseTarget)
            commands[index] = replace(command, gripper=gripper)
        self._grippers.clear()
        return commands

    def _trace(self, stamp_ns: int) -> PolicyTrace | None:
        return next((t for t in self._traces if Time.from_msg(t.observation_stamp).nanoseconds == stamp_ns), None)

    def _await(self, condition: Callable[[], bool], deadline: float) -> None:
        while not condition() and (remaining := deadline - time.monotonic()) > 0:
            if not self._ok():
                raise Interrupted
            self._changed.wait(min(remaining, _SHUTDOWN_POLL_S))

    def _put(self, command: Command) -> None:
        with self._changed:
            self._commands.append(command)
            self._changed.notify_all()

    def _on_native(self, message: Float64MultiArray) -> None:
        self._put(np.array(message.data, np.float64))

    def _on_gripper(self, message: Float64) -> None:
        with self._changed:
            self._gripper = message.data
            self._grippers.append(message.data)
            self._changed.notify_all()

    def _on_pose(self, message: PoseStamped) -> None:
        p, q = message.pose.position, message.pose.orientation
        position, rotation = np.array([p.x, p.y, p.z]), np.array([q.x, q.y, q.z, q.w])
        self._put(PoseTarget(message.header.frame_id, position, rotation, None))
