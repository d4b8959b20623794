"""A robot of a few messages: depth camera, joint states and tf, on a simulated clock if the graph has one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped, TransformStamped
from numpy.typing import NDArray
from rosgraph_msgs.msg import Clock
from sdm_core import camera_topics
from sdm_core.contract import Contract
from sdm_core.perception.point_cloud import Extrinsics, Intrinsics
from sdm_interfaces.msg import PolicyTrace
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64MultiArray
from tf2_msgs.msg import TFMessage

from helpers.graph import Graph

CAMERA_FRAME = "camera_depth_optical_frame"
# Not the identity, so that a pose that is ignored or inverted shows.
QUATERNION = (0.0, 0.0, 0.38268343, 0.92387953)
TRANSLATION = (0.1, -0.05, 0.2)


def time_message(stamp_ns: int) -> Time:
    return Time(sec=stamp_ns // 1_000_000_000, nanosec=stamp_ns % 1_000_000_000)


def depth_image(step: int, contract: Contract) -> NDArray[np.uint16]:
    """A depth image in mm, seeded by the step; some pixels are invalid."""
    camera = contract.observation.cameras[0]
    rng = np.random.default_rng(step)
    image = rng.integers(400, 1200, (camera.height, camera.width)).astype(np.uint16)
    image[rng.random(image.shape) < 0.1] = 0
    return image


def colour_pixels(step: int, contract: Contract) -> NDArray[np.uint8]:
    """The colour rgb8 of each pixel of a depth image, seeded by the step."""
    camera = contract.observation.cameras[0]
    return np.random.default_rng(20_000 + step).integers(0, 256, (camera.height, camera.width, 3)).astype(np.uint8)


def state_values(step: int, contract: Contract) -> NDArray[np.float64]:
    """A state seeded by the step."""
    return np.random.default_rng(10_000 + step).uniform(-0.5, 0.5, contract.state_dim)


def camera_model(contract: Contract) -> tuple[Intrinsics, Extrinsics]:
    """The robot's depth camera, and where it stands in the world."""
    spec = contract.observation.cameras[0]
    intrinsics = Intrinsics(16.0, 16.0, spec.width / 2, spec.height / 2, spec.width, spec.height)
    return intrinsics, Extrinsics(QUATERNION, TRANSLATION)


def camera_transform(translation: Sequence[float] = TRANSLATION) -> TransformStamped:
    """Where the camera stands in the world."""
    transform = TransformStamped(child_frame_id=CAMERA_FRAME)
    transform.header.frame_id = "world"
    rotation, place = transform.transform.rotation, transform.transform.translation
    rotation.x, rotation.y, rotation.z, rotation.w = QUATERNION
    place.x, place.y, place.z = translation
    return transform


class FakeRobot:
    """Publishes what a policy observes of `contract`, and keeps the commands and traces that come back."""

    def __init__(self, graph: Graph, contract: Contract, *, publish_tf: bool = True) -> None:
        self.graph, self.contract, node = graph, contract, graph.node
        self.commands: list[list[float]] = []
        self.traces: list[PolicyTrace] = []
        camera = contract.observation.cameras[0]
        cloud = contract.observation.cloud
        coloured = cloud is not None and cloud.coloured
        self._image = node.create_publisher(Image, camera_topics.depth_image(camera.name, coloured), 10)
        self._info = node.create_publisher(CameraInfo, camera_topics.depth_info(camera.name, coloured), 10)
        self._colour = node.create_publisher(Image, camera_topics.colour_image(camera.name), 10) if coloured else None
        self._joints = node.create_publisher(JointState, "joint_states", 10)
        self._pose = node.create_publisher(PoseStamped, "current_pose", 10)
        self._clock = node.create_publisher(Clock, "clock", 10) if graph.use_sim_time else None
        node.create_subscription(Float64MultiArray, "native_command", self._on_command, 20)
        node.create_subscription(PolicyTrace, "policy_node/trace", self.traces.append, 20)
        self.intrinsics, self.extrinsics = camera_model(contract)
        if publish_tf:
            self.publish_tf()

    def publish_tf(self) -> None:
        """Says where the camera stands."""
        from rclpy.qos import DurabilityPolicy, QoSProfile

        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._tf = self.graph.node.create_publisher(TFMessage, "/tf_static", latched)
        self._tf.publish(TFMessage(transforms=[camera_transform()]))

    def _on_command(self, message: Float64MultiArray) -> None:
        self.commands.append(list(message.data))

    def tell_time(self, stamp_ns: int) -> None:
        assert self._clock
        self._clock.publish(Clock(clock=time_message(stamp_ns)))

    def tell_info(self, stamp_ns: int, *, width: int | None = None) -> None:
        camera = self.intrinsics
        info = CameraInfo(
            width=width or camera.width,
            height=camera.height,
            k=np.array([camera.fx, 0, camera.cx, 0, camera.fy, camera.cy, 0, 0, 1.0]),
        )
        info.header.stamp, info.header.frame_id = time_message(stamp_ns), CAMERA_FRAME
        self._info.publish(info)

    def tell_state(self, stamp_ns: int, values: Sequence[float] | NDArray, names: Sequence[str] | None = None) -> None:
        joints = JointState(name=list(names or self.contract.state_names), position=[float(value) for value in values])
        joints.header.stamp = time_message(stamp_ns)
        self._joints.publish(joints)

    def tell_pose(self, stamp_ns: int, values: Sequence[float] | NDArray, frame: str | None = None) -> None:
        message = PoseStamped()
        message.header.frame_id = self.contract.action.base_frame if frame is None else frame
        message.header.stamp = time_message(stamp_ns)
        position, rotation = message.pose.position, message.pose.orientation
        position.x, position.y, position.z = (float(value) for value in values[:3])
        rotation.x, rotation.y, rotation.z, rotation.w = (float(value) for value in values[3:7])
        self._pose.publish(message)

    def tell_image(self, stamp_ns: int, image: NDArray, encoding: str = "16UC1") -> None:
        height, width = image.shape
        message = Image(
            height=height, width=width, encoding=encoding, step=width * image.itemsize, data=image.tobytes()
        )
        message.header.stamp, message.header.frame_id = time_message(stamp_ns), CAMERA_FRAME
        self._image.publish(message)

    def tell_colour(self, stamp_ns: int, pixels: NDArray[np.uint8]) -> None:
        """The colour rgb8 of the pixels of depth, where the contract's cloud is coloured."""
        if self._colour is None:
            return
        height, width, _ = pixels.shape
        message = Image(height=height, width=width, encoding="rgb8", step=3 * width, data=pixels.tobytes())
        message.header.stamp, message.header.frame_id = time_message(stamp_ns), CAMERA_FRAME
        self._colour.publish(message)

    def await_policy(self) -> None:
        """Until the policy node listens to everything and is heard."""
        node = self.graph.node
        camera = ("camera/camera/depth/image_rect_raw", "camera/camera/depth/color/points")
        heard = self.graph.spin_until(
            lambda: (
                any(node.count_subscribers(topic) for topic in camera)
                and node.count_subscribers("joint_states") > 0
                and node.count_publishers("policy_node/trace") > 0
            )
        )
        assert heard, self.graph.outputs()

    def trace_of(self, stamp_ns: int, timeout_s: float = 10.0) -> PolicyTrace:
        """The policy's answer to the frame of this stamp."""

        def found() -> list[PolicyTrace]:
            wanted = time_message(stamp_ns)
            return [
                trace
                for trace in self.traces
                if (trace.observation_stamp.sec, trace.observation_stamp.nanosec) == (wanted.sec, wanted.nanosec)
            ]

        assert self.graph.spin_until(lambda: bool(found()), timeout_s), self.graph.outputs()
        return found()[-1]
