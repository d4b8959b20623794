"""Poses from the graph are of the expected frame, and their quaternions have a direction."""

from __future__ import annotations

import math

import pytest
from geometry_msgs.msg import PoseStamped
from sdm_core.errors import ObservationError
from sdm_policy_node.pose_message import pose_values


def pose(*quaternion: float, frame: str = "base") -> PoseStamped:
    message = PoseStamped()
    message.header.frame_id = frame
    message.pose.position.x = 0.5
    rotation = message.pose.orientation
    rotation.x, rotation.y, rotation.z, rotation.w = quaternion
    return message


def test_a_pose_becomes_seven_numbers_with_a_unit_quaternion() -> None:
    assert pose_values(pose(0.0, 0.0, 0.0, 1.0000001), "current_pose", "base") == [0.5, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("part", [0.0, math.nan, math.inf])
def test_a_quaternion_without_direction_is_refused(part: float) -> None:
    with pytest.raises(ObservationError, match=r"current_pose has the quaternion .* no direction"):
        pose_values(pose(part, part, part, part), "current_pose", "base")


def test_a_pose_in_another_frame_is_refused() -> None:
    with pytest.raises(
        ObservationError, match="current_pose is in frame 'camera', the contract's base frame is 'base'"
    ):
        pose_values(pose(0.0, 0.0, 0.0, 1.0, frame="camera"), "current_pose", "base")
