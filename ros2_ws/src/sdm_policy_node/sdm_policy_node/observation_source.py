"""Where clouds come from: the one door through which live sensor messages enter, for acting and recording alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from sdm_core.contract import Contract

from sdm_policy_node.camera_pose import CameraPose
from sdm_policy_node.time_stamps import to_ns


@dataclass(frozen=True, eq=False)
class Frame:
    """One message that a cloud can be made of, and when it reached this process."""

    message: Any
    stamp_ns: int
    received_wall_ns: int = field(default_factory=time.time_ns)
    received_ns: int = field(default_factory=time.perf_counter_ns)

    @classmethod
    def of(cls, message: Any) -> Frame:
        """A frame received now."""
        return cls(message, to_ns(message.header.stamp))


class ObservationSource(Protocol):
    """Subscribes as soon as it is made, so that live sensors can be compared with a contract before anything acts."""

    def __init__(self, node: Node, reliable: bool, deliver: Callable[[Frame], None], depth: int = 5) -> None:
        """`deliver` is called on the executor's thread with every frame; `depth` of them may queue before it."""
        ...

    def differences(self, contract: Contract) -> list[str]:
        """One line for each way in which what was heard so far contradicts the contract."""
        ...

    def configure(self, contract: Contract, camera_pose: CameraPose) -> None:
        """Prepares to make the clouds of this contract. Raises ContractError where this source cannot."""
        ...

    def ready(self, frame: Frame) -> bool:
        """Whether all that this frame needs besides itself has come."""
        ...

    def cloud(self, frame: Frame) -> NDArray[np.float32]:
        """The contract's cloud float32[N,channels], off the executor. Raises ObservationError where there is none."""
        ...

    def depth_image(self, frame: Frame) -> NDArray:
        """The depth image [H,W] in its own encoding. Raises ObservationError where the source has none."""
        ...


def sensor_qos(reliable: bool, depth: int) -> QoSProfile:
    """Sensor data as consumers take it: best effort, or reliable where every message counts."""
    if reliable:
        return QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE)
    return qos_profile_sensor_data
