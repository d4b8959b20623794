"""Where points come from: the one door through which live sensor messages enter, for acting and recording alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sdm_core import camera_topics
from sdm_core.contract import CameraSpec, CloudSpec
from sdm_core.errors import StreamFault
from sdm_core.perception.point_cloud import CameraPoints, CloudPipeline

from sdm_policy_node.sources.camera_pose import CameraPose
from sdm_policy_node.time_stamps import to_ns


@dataclass(frozen=True, eq=False)
class Frame:
    """One message that an observation can be made of, when it reached this process, and why it must not be used."""

    message: Any
    stamp_ns: int
    received_wall_ns: int = field(default_factory=time.time_ns)
    received_ns: int = field(default_factory=time.perf_counter_ns)
    fault: StreamFault | None = None

    @classmethod
    def of(cls, message: Any, fault: StreamFault | None = None) -> Frame:
        """A frame received now."""
        return cls(message, to_ns(message.header.stamp), fault=fault)


Deliver = Callable[[Frame], None]


@dataclass(frozen=True)
class StreamSettings:
    """How cameras are listened to.

    `reliable` where every message counts, best effort else; `queue`: how many messages may wait for the executor;
    `kept_s`: how far a frame may lie behind the newest message of another camera, and still find its own;
    `frozen_frames`: see StreamGuard; `aligned_depth`: depth in the pixels of the colour image; `colour`: of each point,
    too; `namespace`: of the cameras' drivers.
    """

    reliable: bool = False
    queue: int = 5
    kept_s: float = 0.2
    frozen_frames: int = 0
    aligned_depth: bool = False
    colour: bool = False
    namespace: str = camera_topics.NAMESPACE


class ObservationSource(Protocol):
    """One camera as a source of points. It subscribes as soon as it is made, so that a live camera can be compared with
    a contract before anything acts."""

    topic: str
    """Of its frames."""

    def __init__(self, node: Node, camera: str, settings: StreamSettings, deliver: Deliver | None = None) -> None:
        """`deliver`, where it is given, is called on the executor's thread with every frame."""
        ...

    def differences(self, camera: CameraSpec) -> list[str]:
        """One line for each way in which what was heard so far contradicts the contract's entry of this camera."""
        ...

    def close(self) -> None:
        """Listens no more."""
        ...

    def configure(self, camera: CameraSpec, cloud: CloudSpec, pose: CameraPose, max_skew_ns: int) -> None:
        """Prepares to give the points of a contract's camera. Raises ContractError where it cannot."""
        ...

    def reached(self, stamp_ns: int) -> bool:
        """Whether its nearest frame to this stamp is known: the frames have come that far."""
        ...

    def ready(self, stamp_ns: int) -> bool:
        """Whether all that its nearest frame to this stamp needs besides itself has come."""
        ...

    def nearest(self, stamp_ns: int) -> Frame:
        """The frame nearest to a stamp. Raises ObservationError where none lies within the greatest skew."""
        ...

    def points(self, frame: Frame, pipeline: CloudPipeline) -> CameraPoints:
        """A frame's points in the pipeline's crop box, off the executor. Raises ObservationError where it is malformed
        or not the contract's."""
        ...

    def depth_image(self, frame: Frame) -> NDArray:
        """The depth image [H,W] in its own encoding. Raises ObservationError where the source has none."""
        ...


def sensor_qos(reliable: bool, depth: int) -> QoSProfile:
    """Sensor data as consumers take it: best effort, or reliable where every message counts; `depth` may wait."""
    reliability = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
    return QoSProfile(depth=depth, reliability=reliability)
