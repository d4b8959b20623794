"""How commands leave: each sink knows one kind of message and what its receiver does when messages end."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sdm_core.contract import Contract


class CommandSink(Protocol):
    """Publishes gated commands float64[A] of one contract.

    A stop is the same for every sink: hold commands (a single one where the node itself is deactivated), then silence.
    Its docstring says what the silence means.
    """

    topics: tuple[str, ...]
    """Resolved names of the topics written."""

    def __init__(self, node: Node, contract: Contract, depth: int) -> None:
        """Raises ContractError where the contract's action is of another kind. `depth` commands may be sent at once."""
        ...

    def publish(self, command: NDArray[np.float64], stamp: Time, held: bool) -> None:
        """Sends one command; `stamp` is the time of publication, by which receivers judge its age.

        `held`: the command is a stop and not a policy's.
        """
        ...

    def close(self) -> None:
        """Gives the topics up."""
        ...


def command_qos(depth: int) -> QoSProfile:
    """Commands are reliable and never latched: what was meant for the past must not move a robot later."""
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE)
