"""Commands for MoveIt Servo, which takes one type of them at a time and must be told which."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.task import Future
from sdm_core.contract import Contract

from sdm_policy_node.optional_interfaces import optional_interfaces
from sdm_policy_node.sinks.command_sink import CommandSink
from sdm_policy_node.sinks.pose_sink import PoseStampedSink
from sdm_policy_node.sinks.twist_sink import TwistStampedSink

POSE_TOPIC = "servo_node/pose_target_cmds"
TWIST_TOPIC = "servo_node/delta_twist_cmds"
SERVICE = "servo_node/switch_command_type"

# Servo answers at once; what it was asked before it died is never answered (s).
_PATIENCE_S = 2.0
# An answer that no motion has followed for so long (s) may no longer be true.
_FRESH_S = 30.0


class ServoSwitch:
    """Has Servo accept one command type, before each motion: meanwhile Servo may have been started anew, or switched by
    somebody else. Asks again where it was refused, not answered, or Servo has been away in between."""

    def __init__(self, node: Node, sink: str, command_type: str) -> None:
        """`command_type`: the name of one of ServoCommandType's. Raises ContractError without moveit_msgs."""
        service = _command_types(sink)
        self._node = node
        self._client = node.create_client(service, SERVICE)
        self._request = service.Request(command_type=getattr(service.Request, command_type))
        self._answer: Future | None = None
        self._asked = 0.0

    def obstacle(self) -> str:
        """One line until Servo has accepted the type, else empty."""
        name = self._client.service_name
        if not self._client.service_is_ready():
            self._answer = None
            return f"there is no service {name}; start MoveIt Servo"
        waited_s = time.monotonic() - self._asked
        if self._answer is None or (self._answer.done() and waited_s > _FRESH_S):
            self._answer, self._asked = self._client.call_async(self._request), time.monotonic()
            waited_s = 0.0
        if not self._answer.done():
            if waited_s <= _PATIENCE_S:
                return f"{name} was asked for command type {self._request.command_type} just now; try again"
            self._client.remove_pending_request(self._answer)
            self._answer = None
            return f"{name} has not answered for {waited_s:.0f} s; start MoveIt Servo anew where that goes on"
        response = self._answer.result()
        if response is not None and response.success:
            return ""
        self._answer = None
        return f"{name} refused command type {self._request.command_type}; see what MoveIt Servo logs"

    def begun(self) -> None:
        """A motion has begun; the next one asks anew."""
        self._answer = None

    def present(self) -> bool:
        """Whether Servo is there."""
        return self._client.service_is_ready()

    def close(self) -> None:
        """Gives the service's client up."""
        self._node.destroy_client(self._client)


def _command_types(sink: str) -> Any:
    """The service by which Servo is switched. Raises ContractError without moveit_msgs."""
    return optional_interfaces("moveit_msgs.srv", f"sink '{sink}'", "ServoCommandType").ServoCommandType


class _Poses(PoseStampedSink):
    name: ClassVar[str] = "servo_pose"
    topic: ClassVar[str] = POSE_TOPIC


class _Twists(TwistStampedSink):
    name: ClassVar[str] = "servo_twist"
    topic: ClassVar[str] = TWIST_TOPIC


class _ServoSink:
    """Commands of one type, to a Servo that was switched to it."""

    commands: ClassVar[type[_Poses | _Twists]]
    command_type: ClassVar[str]

    def __init__(self, node: Node, contract: Contract, depth: int) -> None:
        self._switch = ServoSwitch(node, self.commands.name, self.command_type)
        self._commands: CommandSink = self.commands(node, contract, depth)
        self.topics = self._commands.topics

    @classmethod
    def require(cls, contract: Contract) -> None:
        cls.commands.require(contract)
        _command_types(cls.commands.name)

    def obstacle(self) -> str:
        return self._switch.obstacle()

    def present(self) -> bool:
        return self._switch.present()

    def publish_gripper(self, command: NDArray[np.float64], held: bool) -> None:
        self._commands.publish_gripper(command, held)

    def publish(self, command: NDArray[np.float64], stamp: Time) -> None:
        self._switch.begun()
        self._commands.publish(command, stamp)

    def close(self) -> None:
        self._switch.close()
        self._commands.close()


class ServoPoseSink(_ServoSink):
    """Servo's `pose_target_cmds`. A stop is the last pose, repeated; Servo halts by itself 0.1 s after the last one."""

    commands = _Poses
    command_type: ClassVar[str] = "POSE"


class ServoTwistSink(_ServoSink):
    """Servo's `delta_twist_cmds`, in m/s and rad/s (its parameter `command_in_type: speed_units`).

    A stop leads to zero within the limits and repeats it; Servo halts by itself 0.1 s after the last one.
    """

    commands = _Twists
    command_type: ClassVar[str] = "TWIST"
