"""How commands leave: each sink knows one kind of message and what its receiver does when messages end."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sdm_core.commands.planned_path import PlannedPath
from sdm_core.contract import Contract


class CommandSink(Protocol):
    """Publishes gated commands float64[A] of one contract.

    A stop is the same for every sink: hold commands until the robot has stood for `hold_s`, then silence. Its docstring
    says what the receiver makes of both.
    """

    topics: tuple[str, ...]
    """Resolved names of the topics written."""

    def __init__(self, node: Node, contract: Contract, depth: int) -> None:
        """Raises ContractError as `require` does. `depth` commands may be sent at once."""
        ...

    @classmethod
    def require(cls, contract: Contract) -> None:
        """Raises ContractError where the contract's action is of another kind, or the messages' package is missing: a
        dry run, which sends nothing, asks for the same."""
        ...

    def publish_gripper(self, command: NDArray[np.float64], held: bool) -> None:
        """Sends the gripper's part of a command where that is a message of its own, before the arm's: whoever pairs
        them has it then. `held`: the command is a stop's or the way home's, and not a policy's."""
        ...

    def publish(self, command: NDArray[np.float64], stamp: Time) -> None:
        """Sends one command; `stamp` is the time of publication, by which receivers judge its age."""
        ...

    def close(self) -> None:
        """Gives the topics up."""
        ...


@runtime_checkable
class PathSink(Protocol):
    """A sink whose receiver is given whole motions, to rest, and not a command a period."""

    def publish_path(self, path: PlannedPath) -> None:
        """Sends a motion, for which the receiver drops all earlier ones."""
        ...


@runtime_checkable
class PreparedSink(Protocol):
    """A sink whose receiver must be told something, and agree, before it takes commands."""

    def obstacle(self) -> str:
        """One line while commands would not be taken, else empty; asks the receiver where that has not been done since
        the last motion."""
        ...

    def present(self) -> bool:
        """Whether the receiver is there; where it has gone, a motion ends."""
        ...


def command_qos(depth: int) -> QoSProfile:
    """Commands are reliable and never latched: what was meant for the past must not move a robot later."""
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE)
