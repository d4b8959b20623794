"""Publishes a task's sensors and the simulated clock."""

from __future__ import annotations

from dataclasses import replace

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from sdm_core import camera_topics
from sensor_msgs.msg import CameraInfo, Image, JointState
from tf2_ros import StaticTransformBroadcaster

from sdm_sim.bridge.arm_publisher import ArmCell, ArmPublisher
from sdm_sim.bridge.camera_streams import CameraStreams
from sdm_sim.bridge.hand_camera import HandCamera, HandCameraPublisher
from sdm_sim.bridge.scene_publisher import ScenePublisher
from sdm_sim.bridge.sensor_messages import (
    CAMERA_FRAME,
    COLOUR_FRAME,
    MEASURED_POSE,
    camera_info,
    camera_transform,
    colour_frame,
    colour_image,
    depth_image,
    joint_states,
    tool_pose,
)
from sdm_sim.task import SensorFrame, Task
from sdm_sim.task_contract import CAMERA_NAME

# Lockstep sends the states of several steps with one image; none may be lost.
_LOSSLESS_DEPTH = 100
# Else the newest count: who hangs holds nothing up.
_DEPTH = 5


class SensorPublisher:
    """The topics of a RealSense and an arm, filled by a task."""

    def __init__(
        self, node: Node, task: Task, streams: CameraStreams, lossless: bool, scene: ScenePublisher | None = None
    ) -> None:
        """`lossless` for lockstep, where every message counts. As a RealSense's, sensors are reliable in any mode, so
        that a subscription of either kind hears them. `scene` shows the world as it is at each time of the clock."""
        depth = _LOSSLESS_DEPTH if lossless else _DEPTH
        qos = QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE)
        self._intrinsics = task.intrinsics
        self._base, self._tool = task.contract.action.base_frame, task.contract.action.tool_frame
        self._scene = scene
        self._clock = node.create_publisher(Clock, "/clock", 10)
        # Depth and colour are seen by one lens: that is depth in the pixels of colour, too.
        aligned = streams.aligned
        self._depth_frame = COLOUR_FRAME if aligned else CAMERA_FRAME
        self._depth = node.create_publisher(Image, camera_topics.depth_image(CAMERA_NAME, aligned), qos)
        self._info = node.create_publisher(CameraInfo, camera_topics.depth_info(CAMERA_NAME, aligned), qos)
        self._colour = {
            name: node.create_publisher(Image, camera_topics.colour_image(name), qos) for name in sorted(streams.colour)
        }
        self._colour_info = {
            name: node.create_publisher(CameraInfo, camera_topics.colour_info(name), qos) for name in self._colour
        }
        self._needed = [*((self._depth, self._info) if streams.depth else ()), *self._colour.values()]
        self._joints = node.create_publisher(JointState, "joint_states", qos)
        self._pose = node.create_publisher(PoseStamped, "current_pose", qos)
        self._needed.append(self._joints)
        if set(task.contract.state_names) >= MEASURED_POSE:
            self._needed.append(self._pose)
        self._arm = ArmPublisher(node, task, self._base, self._tool, qos) if isinstance(task, ArmCell) else None
        self._hand = HandCameraPublisher(node, task, qos) if isinstance(task, HandCamera) else None
        self._static = StaticTransformBroadcaster(node)
        base = task.contract.observation.cloud.frame if task.contract.observation.cloud else self._base
        stamp = Time().to_msg()
        self._static.sendTransform(
            [
                *(camera_transform(task.extrinsics, base, stamp, frame) for frame in (CAMERA_FRAME, COLOUR_FRAME)),
                *(self._arm.static_transforms() if self._arm else ()),
            ]
        )

    def unheard(self, listeners: int) -> list[str]:
        """The sensor topics with fewer than so many matched subscriptions."""
        return [publisher.topic_name for publisher in self._needed if publisher.get_subscription_count() < listeners]

    def clock(self, stamp_ns: int) -> None:
        """Sets the graph's simulated time."""
        self._clock.publish(Clock(clock=Time(nanoseconds=stamp_ns).to_msg()))
        if self._scene:
            self._scene.note(stamp_ns)

    def state(self, stamp_ns: int, frame: SensorFrame) -> None:
        """Publishes a frame's scalars, and the tool's pose where they contain it."""
        stamp = Time(nanoseconds=stamp_ns).to_msg()
        self._joints.publish(joint_states(frame, stamp))
        pose = tool_pose(frame, self._tool, self._base, stamp)
        if pose is not None:
            self._pose.publish(pose)
        if self._arm:
            self._arm.state(stamp_ns, frame)

    def with_hand(self, frame: SensorFrame) -> SensorFrame:
        """A frame with what a camera at the hand sees now, where it has a depth image, and somebody listens to both."""
        if self._hand is None or frame.depth is None:
            return frame
        return replace(frame, hand_depth=self._hand.look())

    def images(self, stamp_ns: int, frame: SensorFrame) -> bool:
        """Publishes a frame's images, each after its calibration, the depth last; False where there are none."""
        stamp = Time(nanoseconds=stamp_ns).to_msg()
        for name in self._colour.keys() & frame.images.keys():
            self._colour_info[name].publish(camera_info(self._intrinsics, stamp, colour_frame(name)))
            self._colour[name].publish(colour_image(frame.images[name], stamp, colour_frame(name)))
        if frame.depth is not None:
            self._info.publish(camera_info(self._intrinsics, stamp, self._depth_frame))
            self._depth.publish(depth_image(frame.depth, stamp, self._depth_frame))
        if self._hand and frame.hand_depth is not None:
            self._hand.publish(stamp_ns, frame.hand_depth)
        return frame.depth is not None or bool(frame.images)
