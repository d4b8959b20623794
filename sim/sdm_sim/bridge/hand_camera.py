"""The camera at an arm's hand, beside the one that policies see by: rendered only while somebody listens."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time import Time
from sdm_core import camera_topics
from sdm_core.perception.point_cloud import Intrinsics
from sensor_msgs.msg import CameraInfo, Image

from sdm_sim.bridge.sensor_messages import camera_info, depth_frame, depth_image

WRIST = "wrist"


@runtime_checkable
class HandCamera(Protocol):
    """A task with a depth camera at the robot's hand."""

    wrist_intrinsics: Intrinsics

    def wrist_depth(self) -> NDArray[np.uint16]:
        """What it sees now: uint16[H,W] millimetres."""
        ...


class HandCameraPublisher:
    """Its depth and calibration under the names of a RealSense called `wrist`; its pose is the ArmPublisher's."""

    def __init__(self, node: Node, task: HandCamera, qos: QoSProfile) -> None:
        self._task = task
        self._depth = node.create_publisher(Image, camera_topics.depth_image(WRIST), qos)
        self._info = node.create_publisher(CameraInfo, camera_topics.depth_info(WRIST), qos)

    def look(self) -> NDArray[np.uint16] | None:
        """What the camera sees now; None where nobody wants to know."""
        return self._task.wrist_depth() if self._depth.get_subscription_count() else None

    def publish(self, stamp_ns: int, depth: NDArray[np.uint16]) -> None:
        """Sends a picture, after its calibration."""
        stamp, frame = Time(nanoseconds=stamp_ns).to_msg(), depth_frame(WRIST)
        self._info.publish(camera_info(self._task.wrist_intrinsics, stamp, frame))
        self._depth.publish(depth_image(depth, stamp, frame))
