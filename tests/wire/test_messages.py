"""Message, service and action classes as Python sees them."""

from __future__ import annotations

import array

import control_msgs.action
import numpy as np
import pytest
import sensor_msgs.msg
from action_msgs.srv import CancelGoal
from control_msgs.action import GripperCommand
from control_msgs.msg import GripperCommand as GripperCommandMessage
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import Point, Pose
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, Image, JointState, PointField
from sensor_msgs.srv import SetCameraInfo
from std_srvs.srv import Trigger


def test_messages_start_with_their_defaults() -> None:
    assert (Pose().orientation.x, Pose().orientation.w) == (0.0, 1.0)
    info = CameraInfo()
    assert isinstance(info.k, np.ndarray)
    assert info.k.dtype == np.float64
    assert info.k.tolist() == [0.0] * 9
    assert JointState().position == array.array("d")
    assert JointState().name == []


def test_constants_belong_to_the_class() -> None:
    assert PointField.FLOAT32 == 7
    assert DiagnosticStatus.STALE == b"\3"
    assert CancelGoal.Response.ERROR_GOAL_TERMINATED == 3


def test_two_messages_share_no_mutable_default() -> None:
    first, second = JointState(), JointState()
    first.name.append("a")
    first.header.stamp.sec = 3
    first.position.append(1.0)
    assert second == JointState()


def test_messages_are_equal_by_their_fields() -> None:
    assert Point(x=1.0) == Point(x=1.0)
    assert Point(x=1.0) != Point(x=2.0)
    assert Point() != Pose()


def test_fields_are_set_by_name_alone() -> None:
    with pytest.raises(TypeError):
        Point(1.0, 2.0, 3.0)  # type: ignore[call-arg]


def test_lists_become_arrays_of_the_fields_type() -> None:
    joints = JointState(position=[1.0, 2.0])
    assert joints.position == array.array("d", [1.0, 2.0])
    values = array.array("d", [4.0])
    joints.position = values
    assert joints.position == values


def test_bytes_go_into_image_data_as_they_are() -> None:
    pixels = array.array("B", [1, 2, 3])
    image = Image(data=pixels)
    assert image.data == pixels


def test_field_types_are_told_in_order() -> None:
    told = JointState.get_fields_and_field_types()
    assert list(told.items()) == [
        ("header", "std_msgs/Header"),
        ("name", "sequence<string>"),
        ("position", "sequence<double>"),
        ("velocity", "sequence<double>"),
        ("effort", "sequence<double>"),
    ]


def test_a_message_survives_serialization() -> None:
    joints = JointState(name=["a", "é"], position=[0.5, -1.5])
    joints.header.frame_id = "base"
    serialized = serialize_message(joints)
    assert isinstance(serialized, bytes)
    assert deserialize_message(serialized, JointState) == joints


def test_a_service_has_a_request_and_a_response() -> None:
    assert SetCameraInfo.Request().camera_info == CameraInfo()
    assert Trigger.Response(success=True, message="done").message == "done"


def test_an_action_has_a_goal_a_result_and_feedback() -> None:
    goal = GripperCommand.Goal(command=GripperCommandMessage(position=0.04, max_effort=10.0))
    assert goal.command.position == 0.04
    assert GripperCommand.Result().reached_goal is False
    assert GripperCommand.Feedback(position=0.02).position == 0.02


def test_an_actions_wire_types_carry_the_goals_id() -> None:
    impl = GripperCommand.Impl
    request = impl.SendGoalService.Request(goal=GripperCommand.Goal())
    assert bytes(request.goal_id.uuid) == bytes(16)
    assert impl.SendGoalService.Response().accepted is False
    assert impl.GetResultService.Response(result=GripperCommand.Result()).status == 0
    assert impl.FeedbackMessage().feedback == GripperCommand.Feedback()
    assert impl.CancelGoalService is CancelGoal


def test_a_package_lists_what_it_has_and_refuses_the_rest() -> None:
    assert {"Image", "JointState"} <= set(dir(sensor_msgs.msg))
    assert "GripperCommand" in dir(control_msgs.action)
    with pytest.raises(ImportError):
        from sensor_msgs.msg import Picture  # noqa: F401  # pyright: ignore
    with pytest.raises(ImportError):
        import no_such_package.msg  # noqa: F401  # pyright: ignore
