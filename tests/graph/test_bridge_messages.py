"""A task's sensors survive the way into messages and back without the loss of a bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from helpers.graph import graph
from helpers.toy_task import ToyTask
from sdm_core import camera_topics
from sdm_core.perception.point_cloud import Extrinsics, Intrinsics
from sdm_sim.bridge.camera_streams import CameraStreams
from sdm_sim.bridge.sensor_messages import (
    CAMERA_FRAME,
    camera_info,
    camera_transform,
    depth_image,
    joint_states,
    tool_pose,
)
from sdm_sim.bridge.sensor_publisher import SensorPublisher
from sdm_sim.task import SensorFrame
from sensor_msgs.msg import CameraInfo, Image, JointState

STAMP = Time(sec=1000, nanosec=12_500_000)
FRAME = SensorFrame(("hand.x", "hand.y", "hand.z", "finger_gap"), np.array([0.1, 1 / 3, -0.2, 0.07]), None)


def test_a_depth_image_keeps_every_millimetre() -> None:
    depth = np.random.default_rng(0).integers(0, 2**16, (12, 16)).astype(np.uint16)
    message = depth_image(depth, STAMP)
    assert (message.encoding, message.width, message.height, message.step) == ("16UC1", 16, 12, 32)
    assert (message.header.frame_id, message.header.stamp) == (CAMERA_FRAME, STAMP)
    np.testing.assert_array_equal(np.frombuffer(message.data, "<u2").reshape(12, 16), depth)


def test_camera_info_keeps_the_intrinsics() -> None:
    lens = (0.1, -0.2, 0.001, 0.002, 0.03)
    intrinsics = Intrinsics(110.85125168440815, 110.85125168440815, 63.5, 47.5, 128, 96, lens)
    message = camera_info(intrinsics, STAMP)
    read = (message.k, message.width, message.height, message.d, message.distortion_model)
    assert Intrinsics.from_camera_info(*read) == intrinsics
    np.testing.assert_array_equal(np.reshape(message.p, (3, 4))[:, :3], np.reshape(message.k, (3, 3)))


def test_the_camera_transform_keeps_the_extrinsics() -> None:
    extrinsics = Extrinsics((0.5, -0.5, 0.5, -0.5), (0.6, 0.295, 0.8))
    message = camera_transform(extrinsics, "world", STAMP)
    rotation, translation = message.transform.rotation, message.transform.translation
    assert (message.header.frame_id, message.child_frame_id) == ("world", CAMERA_FRAME)
    found = Extrinsics((rotation.x, rotation.y, rotation.z, rotation.w), (translation.x, translation.y, translation.z))
    assert found == extrinsics


def test_joint_states_carry_every_scalar_by_name() -> None:
    message = joint_states(FRAME, STAMP)
    assert dict(zip(message.name, message.position, strict=True)) == dict(zip(FRAME.names, FRAME.values, strict=True))


def test_the_tool_pose_is_read_from_the_scalars_of_its_name() -> None:
    message = tool_pose(FRAME, "hand", "world", STAMP)
    assert message is not None
    position, rotation = message.pose.position, message.pose.orientation
    assert (position.x, position.y, position.z) == (0.1, 1 / 3, -0.2)
    assert (rotation.x, rotation.y, rotation.z, rotation.w) == (0.0, 0.0, 0.0, 1.0)
    assert message.header.frame_id == "world"


def test_a_tool_without_a_position_has_no_pose() -> None:
    assert tool_pose(FRAME, "flange", "world", STAMP) is None


def test_a_tool_with_a_rotation_keeps_it() -> None:
    names = tuple(f"ee.{axis}" for axis in ("x", "y", "z", "qx", "qy", "qz", "qw"))
    message = tool_pose(SensorFrame(names, np.array([1.0, 2.0, 3.0, 0.5, 0.5, -0.5, 0.5]), None), "ee", "world", STAMP)
    assert message is not None
    rotation = message.pose.orientation
    assert (rotation.x, rotation.y, rotation.z, rotation.w) == (0.5, 0.5, -0.5, 0.5)


@pytest.mark.parametrize("lossless", [True, False])
def test_who_subscribes_as_everybody_does_hears_the_sensors(lossless: bool, tmp_path: Path) -> None:
    kinds = {"joint_states": JointState, camera_topics.DEPTH_IMAGE: Image, camera_topics.DEPTH_INFO: CameraInfo}
    heard: set[type] = set()
    task = ToyTask()
    task.reset(0)
    with graph(tmp_path) as world:
        sensors = SensorPublisher(world.node, task, CameraStreams(1), lossless)
        for topic, kind in kinds.items():

            def take(message: Any) -> None:
                heard.add(type(message))

            world.node.create_subscription(kind, topic, take, 10)
        assert world.spin_until(lambda: not sensors.unheard(1)), sensors.unheard(1)
        sensors.state(0, task.observe(depth=False))
        sensors.images(0, task.observe())
        assert world.spin_until(lambda: len(heard) == len(kinds)), heard
