"""realsense_node: a RealSense on the topics of realsense2_camera, where that driver is not installed."""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from scipy.spatial.transform import Rotation
from sdm_core import camera_topics
from sdm_core.errors import SdmError
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from tf2_ros import StaticTransformBroadcaster

from sdm_policy_node.parameters import RealSenseParameters, declare
from sdm_policy_node.realsense.device_clock import DeviceClock
from sdm_policy_node.realsense.realsense_camera import (
    CameraProfile,
    Capture,
    Picture,
    RealSenseCamera,
    find_device,
    librealsense,
)
from sdm_policy_node.run_node import run_node
from sdm_policy_node.time_stamps import to_message

_RETRY_S = 0.5
# Optical frames look along +z, bodies along +x (REP-103).
_OPTICAL_IN_BODY = (-0.5, 0.5, -0.5, 0.5)


class RealSenseNode(Node):
    """Publishes depth (16UC1, mm), colour (rgb8) and aligned depth with their camera_info, and the camera's own frames.

    Stamps are the camera's, in ROS time. A camera that is unplugged, or silent for `stall_s`, is opened again.
    """

    def __init__(self, find: Callable[[str], Any | None] = find_device) -> None:
        """`find` gives the librealsense device of a serial number, None where it is not there."""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        super().__init__("realsense_node")
        self._settings = p = declare(self, RealSenseParameters)
        librealsense()
        self._find = find
        filters = tuple(name.strip() for name in p.filters.split(",") if name.strip())
        self._profile = CameraProfile(p.width, p.height, p.fps, p.colour, p.align_depth, filters)
        name = p.camera_name
        self._optical = {"depth": f"{name}_depth_optical_frame", "color": f"{name}_color_optical_frame"}
        self._depth_out = self._stream(camera_topics.depth_image(name), camera_topics.depth_info(name))
        self._colour_out = self._stream(camera_topics.colour_image(name), camera_topics.colour_info(name))
        self._aligned_out = self._stream(
            camera_topics.depth_image(name, aligned=True), camera_topics.depth_info(name, aligned=True)
        )
        self._static = StaticTransformBroadcaster(self)
        self._device_clock = DeviceClock()
        self.openings = 0
        """How often the camera was opened."""
        self._thread.start()

    def destroy_node(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        super().destroy_node()

    def _stream(self, image: str, info: str) -> tuple[Any, Any]:
        qos = QoSProfile(depth=5)
        return self.create_publisher(CameraInfo, info, qos), self.create_publisher(Image, image, qos)

    def _run(self) -> None:
        while not self._stopped.is_set():
            camera = None
            try:
                camera = self._open()
                if camera:
                    self._publish_all(camera)
            except (SdmError, RuntimeError) as error:  # librealsense's own, where a device is just pulled out
                self.get_logger().error(str(error), throttle_duration_sec=5.0)
            finally:
                if camera:
                    camera.close()
            self._stopped.wait(_RETRY_S)

    def _open(self) -> RealSenseCamera | None:
        device = self._find(self._settings.serial)
        if device is None:
            named = f"RealSense {self._settings.serial}" if self._settings.serial else "RealSense"
            self.get_logger().warning(f"no {named} is plugged in; waiting for it", throttle_duration_sec=5.0)
            return None
        camera = RealSenseCamera(device, self._profile)
        self.openings += 1
        self._publish_frames(camera)
        self.get_logger().info(f"streaming {self._profile.width}×{self._profile.height} at {self._profile.fps} Hz")
        return camera

    def _publish_all(self, camera: RealSenseCamera) -> None:
        """Publishes until the camera falls silent, or depth does."""
        stall_s, seen_s = self._settings.stall_s, time.monotonic()
        while not self._stopped.is_set():
            capture = camera.capture(stall_s)
            if capture and capture.depth:
                seen_s = time.monotonic()
            if capture is None or time.monotonic() - seen_s > stall_s:
                self.get_logger().warning(f"no depth image for {stall_s} s; opening the camera again")
                return
            self._publish(capture)

    def _publish(self, capture: Capture) -> None:
        arrival_ns = self.get_clock().now().nanoseconds
        taken = capture.depth or capture.colour
        if taken is None or not self.context.ok():
            return
        stamp_ns = taken.stamp_ns if taken.host_clock else self._device_clock.to_host(taken.stamp_ns, arrival_ns)
        stamp = to_message(stamp_ns)
        for publishers, picture, frame, encoding in (
            (self._depth_out, capture.depth, "depth", "16UC1"),
            (self._colour_out, capture.colour, "color", "rgb8"),
            (self._aligned_out, capture.aligned_depth, "color", "16UC1"),
        ):
            if picture is not None:
                header = Header(stamp=stamp, frame_id=self._optical[frame])
                info, image = publishers
                info.publish(_info_message(picture, header))
                image.publish(_image_message(picture.pixels, encoding, header))

    def _publish_frames(self, camera: RealSenseCamera) -> None:
        name, stamp = self._settings.camera_name, self.get_clock().now().to_msg()
        none = np.zeros(3)
        links = [
            (f"{name}_link", f"{name}_depth_frame", (0.0, 0.0, 0.0, 1.0), none),
            (f"{name}_depth_frame", self._optical["depth"], _OPTICAL_IN_BODY, none),
        ]
        if camera.colour_in_depth is not None:
            rotation, translation = camera.colour_in_depth
            colour = tuple(Rotation.from_matrix(rotation).as_quat().tolist())
            links.append((self._optical["depth"], self._optical["color"], colour, translation))
        self._static.sendTransform([_transform(*link, stamp) for link in links])


def _image_message(pixels: NDArray, encoding: str, header: Header) -> Image:
    return Image(
        header=header,
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=pixels[0].nbytes,
        data=array("B", pixels.tobytes()),
    )


def _info_message(picture: Picture, header: Header) -> CameraInfo:
    k = picture.intrinsics
    return CameraInfo(
        header=header,
        height=k.height,
        width=k.width,
        distortion_model="plumb_bob",
        d=list(k.distortion),
        k=[k.fx, 0.0, k.cx, 0.0, k.fy, k.cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[k.fx, 0.0, k.cx, 0.0, 0.0, k.fy, k.cy, 0.0, 0.0, 0.0, 1.0, 0.0],
    )


def _transform(
    parent: str, child: str, xyzw: tuple[float, ...], translation: NDArray[np.float64], stamp: Time
) -> TransformStamped:
    message = TransformStamped(header=Header(stamp=stamp, frame_id=parent), child_frame_id=child)
    rotation, position = message.transform.rotation, message.transform.translation
    rotation.x, rotation.y, rotation.z, rotation.w = xyzw
    position.x, position.y, position.z = translation.tolist()
    return message


def main() -> None:
    run_node(RealSenseNode)
