"""Transforms between frames over time, as `tf2_ros` documents it."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import PointStamped, PoseStamped, TransformStamped, Vector3Stamped
from hypothesis import given
from hypothesis import strategies as st
from rclpy.duration import Duration
from rclpy.parameter import Parameter
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from tf2_geometry_msgs import do_transform_pose_stamped
from tf2_ros import (
    Buffer,
    ConnectivityException,
    ExtrapolationException,
    InvalidArgumentException,
    LookupException,
    StaticTransformBroadcaster,
    TransformBroadcaster,
    TransformException,
    TransformListener,
    TypeException,
)

HALF_TURN_Z = (0.0, 0.0, 1.0, 0.0)
QUARTER_TURN_Z = (0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5))
NONE = (0.0, 0.0, 0.0, 1.0)


def transform(parent, child, translation=(0.0, 0.0, 0.0), rotation=NONE, seconds=0.0) -> TransformStamped:
    message = TransformStamped()
    message.header.frame_id, message.child_frame_id = parent, child
    message.header.stamp = Time(nanoseconds=round(seconds * 1e9)).to_msg()
    for name, value in zip("xyz", translation, strict=True):
        setattr(message.transform.translation, name, float(value))
    for name, value in zip("xyzw", rotation, strict=True):
        setattr(message.transform.rotation, name, float(value))
    return message


def at(seconds: float) -> Time:
    return Time(nanoseconds=round(seconds * 1e9))


def translation(message: TransformStamped) -> np.ndarray:
    vector = message.transform.translation
    return np.array([vector.x, vector.y, vector.z])


def matrix(message: TransformStamped) -> np.ndarray:
    """The homogeneous 4×4 matrix."""
    q = message.transform.rotation
    x, y, z, w = q.x, q.y, q.z, q.w
    result = np.eye(4)
    result[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    result[:3, 3] = translation(message)
    return result


unit_quaternions = (
    st.tuples(*[st.floats(-1, 1)] * 4)
    .map(np.array)
    .filter(lambda q: np.linalg.norm(q) > 0.1)
    .map(lambda q: tuple(q / np.linalg.norm(q)))
)
poses = st.tuples(st.tuples(*[st.floats(-2, 2)] * 3), unit_quaternions)


def test_lookup_takes_coordinates_of_the_source_to_the_target():
    buffer = Buffer()
    buffer.set_transform_static(transform("base", "camera", (1, 0, 0), QUARTER_TURN_Z), "test")
    found = buffer.lookup_transform("base", "camera", Time())
    assert (found.header.frame_id, found.child_frame_id) == ("base", "camera")
    np.testing.assert_allclose(matrix(found) @ [1, 0, 0, 1], [1, 1, 0, 1], atol=1e-12)
    back = buffer.lookup_transform("camera", "base", Time())
    np.testing.assert_allclose(matrix(back) @ [1, 1, 0, 1], [1, 0, 0, 1], atol=1e-12)


@given(st.lists(poses, min_size=4, max_size=4))
def test_chains_across_branches_multiply(chain):
    buffer = Buffer()
    frames = [("root", "left"), ("left", "hand"), ("root", "right"), ("right", "camera")]
    messages = [
        transform(parent, child, *pose, seconds=1.0) for (parent, child), pose in zip(frames, chain, strict=True)
    ]
    for i, message in enumerate(messages):
        (buffer.set_transform if i % 2 else buffer.set_transform_static)(message, "test")
    left, hand, right, camera = map(matrix, messages)
    expected = np.linalg.inv(left @ hand) @ right @ camera
    np.testing.assert_allclose(matrix(buffer.lookup_transform("hand", "camera", at(1.0))), expected, atol=1e-9)


def test_frame_in_itself_is_the_identity():
    buffer = Buffer()
    buffer.set_transform_static(transform("base", "camera", (1, 2, 3)), "test")
    np.testing.assert_array_equal(matrix(buffer.lookup_transform("camera", "camera", Time())), np.eye(4))


def test_poses_between_stamps_are_interpolated_along_the_shorter_arc():
    buffer = Buffer()
    buffer.set_transform(transform("base", "hand", (0, 0, 0), NONE, 1.0), "test")
    # The negated quaternion is the same rotation: the way must not lead round the other side.
    buffer.set_transform(transform("base", "hand", (2, 0, 0), tuple(-np.array(QUARTER_TURN_Z)), 2.0), "test")
    found = buffer.lookup_transform("base", "hand", at(1.5))
    np.testing.assert_allclose(translation(found), [1, 0, 0])
    eighth = [np.cos(np.pi / 4), np.sin(np.pi / 4), 0, 1]
    np.testing.assert_allclose((matrix(found) @ [1, 0, 0, 1]) - [1, 0, 0, 0], eighth, atol=1e-12)
    assert found.header.stamp == at(1.5).to_msg()


def test_time_zero_means_the_newest_that_all_have():
    buffer = Buffer()
    buffer.set_transform_static(transform("world", "base"), "test")
    for seconds in (1.0, 2.0, 3.0):
        buffer.set_transform(transform("base", "hand", (seconds, 0, 0), NONE, seconds), "test")
    buffer.set_transform(transform("hand", "finger", (0, 0, 0), NONE, 2.0), "test")
    found = buffer.lookup_transform("world", "finger", Time())
    assert found.header.stamp == at(2.0).to_msg()
    np.testing.assert_allclose(translation(found), [2, 0, 0])


def test_stamps_may_arrive_in_any_order():
    buffer = Buffer()
    for seconds in (3.0, 1.0, 2.0):
        buffer.set_transform(transform("base", "hand", (seconds, 0, 0), NONE, seconds), "test")
    np.testing.assert_allclose(translation(buffer.lookup_transform("base", "hand", at(1.5))), [1.5, 0, 0])


@pytest.mark.parametrize(("seconds", "direction"), [(0.5, "past"), (2.5, "future")])
def test_nothing_is_extrapolated(seconds, direction):
    buffer = Buffer()
    for stamp in (1.0, 2.0):
        buffer.set_transform(transform("base", "hand", seconds=stamp), "test")
    with pytest.raises(ExtrapolationException, match=f"extrapolation into the {direction}"):
        buffer.lookup_transform("base", "hand", at(seconds))


def test_history_older_than_the_cache_is_forgotten():
    buffer = Buffer(cache_time=Duration(seconds=2.0))
    for stamp in range(1, 6):
        buffer.set_transform(transform("base", "hand", seconds=float(stamp)), "test")
    assert buffer.can_transform("base", "hand", at(3.0))
    assert not buffer.can_transform("base", "hand", at(1.0))


def test_static_transforms_hold_at_all_times():
    buffer = Buffer()
    buffer.set_transform_static(transform("base", "camera", (1, 2, 3), seconds=5.0), "test")
    for seconds in (0.1, 5.0, 1e6):
        np.testing.assert_allclose(translation(buffer.lookup_transform("base", "camera", at(seconds))), [1, 2, 3])


def test_unknown_and_unconnected_frames_are_told_apart():
    buffer = Buffer()
    buffer.set_transform_static(transform("base", "camera"), "test")
    buffer.set_transform_static(transform("table", "cup"), "test")
    with pytest.raises(
        LookupException, match='"gripper" passed to lookupTransform argument source_frame does not exist'
    ):
        buffer.lookup_transform("base", "gripper", Time())
    with pytest.raises(ConnectivityException, match="not part of the same tree"):
        buffer.lookup_transform("base", "cup", Time())
    answer: Any = buffer.can_transform("base", "cup", Time(), return_debug_tuple=True)
    possible, why = answer
    assert not possible
    assert "same tree" in why


@pytest.mark.parametrize("frame", ["", "/camera"])
def test_frame_names_with_a_leading_slash_or_none_are_refused(frame):
    buffer = Buffer()
    buffer.set_transform_static(transform("base", "camera"), "test")
    with pytest.raises(InvalidArgumentException):
        buffer.lookup_transform("base", frame, Time())


@pytest.mark.parametrize(
    "bad",
    [
        transform("base", "camera", (float("nan"), 0, 0)),
        transform("base", "camera", rotation=(0, 0, 0, 0)),
        transform("base", "base"),
        transform("", "camera"),
    ],
)
def test_impossible_transforms_are_not_taken_in(bad):
    buffer = Buffer()
    buffer.set_transform_static(transform("base", "camera", (1, 0, 0)), "test")
    buffer.set_transform_static(bad, "test")
    np.testing.assert_allclose(translation(buffer.lookup_transform("base", "camera", Time())), [1, 0, 0])


def test_rotations_need_no_unit_length():
    buffer = Buffer()
    buffer.set_transform_static(transform("base", "camera", rotation=(0, 0, 2, 2)), "test")
    np.testing.assert_allclose(
        matrix(buffer.lookup_transform("base", "camera", Time())) @ [1, 0, 0, 1], [0, 1, 0, 1], atol=1e-12
    )


def test_lookup_waits_for_the_transform_to_come():
    buffer = Buffer()
    late = threading.Timer(0.2, lambda: buffer.set_transform(transform("base", "hand", seconds=1.0), "test"))
    late.start()
    assert buffer.lookup_transform("base", "hand", at(1.0), timeout=Duration(seconds=10.0)).child_frame_id == "hand"
    late.join()


def test_lookup_gives_up_when_its_time_is_over():
    started = time.monotonic()
    with pytest.raises(TransformException):
        Buffer().lookup_transform("base", "hand", Time(), timeout=Duration(seconds=0.2))
    assert time.monotonic() - started >= 0.2


def test_new_parent_replaces_the_old_one():
    buffer = Buffer()
    buffer.set_transform(transform("table", "cup", (1, 0, 0), seconds=1.0), "test")
    buffer.set_transform(transform("gripper", "cup", (0, 0, 1), seconds=2.0), "test")
    np.testing.assert_allclose(translation(buffer.lookup_transform("gripper", "cup", at(2.0))), [0, 0, 1])


def test_late_listener_gets_every_static_transform(graph):
    talker = graph.node("talker")
    broadcaster = StaticTransformBroadcaster(talker)
    broadcaster.sendTransform(transform("base", "camera", (1, 0, 0)))
    broadcaster.sendTransform([transform("base", "table", (0, 1, 0))])
    buffer = Buffer()
    TransformListener(buffer, graph.node("listener"))
    graph.spin_until(lambda: buffer.can_transform("camera", "table", Time()))
    np.testing.assert_allclose(translation(buffer.lookup_transform("camera", "table", Time())), [-1, 1, 0])


def test_broadcast_transforms_reach_the_listener(graph):
    broadcaster = TransformBroadcaster(graph.node("talker"))
    buffer = Buffer()
    TransformListener(buffer, graph.node("listener"))
    graph.spin_until(lambda: broadcaster.pub_tf.get_subscription_count() == 1)
    broadcaster.sendTransform([transform("base", "hand", (seconds, 0, 0), seconds=seconds) for seconds in (1.0, 2.0)])
    graph.spin_until(lambda: buffer.can_transform("base", "hand", at(2.0)))
    np.testing.assert_allclose(translation(buffer.lookup_transform("base", "hand", at(1.25))), [1.25, 0, 0])


@pytest.fixture
def lone_node(graph):
    """A node of the default context, on the graph's domain; nothing spins it."""
    rclpy.init(args=[], domain_id=graph.domain_id)
    yield rclpy.create_node("listener")
    rclpy.try_shutdown()


def test_listener_with_a_thread_of_its_own_needs_no_spinning(graph, lone_node):
    buffer = Buffer()
    TransformListener(buffer, lone_node, spin_thread=True)
    StaticTransformBroadcaster(graph.node("talker")).sendTransform(transform("base", "camera", (1, 0, 0)))
    found = buffer.lookup_transform("base", "camera", Time(), timeout=Duration(seconds=10.0))
    np.testing.assert_allclose(translation(found), [1, 0, 0])


def test_late_transforms_complete_the_future_that_waits_for_them():
    buffer = Buffer()
    future = buffer.wait_for_transform_async("base", "hand", at(1.0))
    assert not future.done()
    buffer.set_transform(transform("base", "hand", (1, 2, 3), seconds=1.0), "test")
    assert future.done()
    np.testing.assert_allclose(translation(future.result()), [1, 2, 3])


def test_future_of_a_known_transform_is_done_at_once():
    buffer = Buffer()
    buffer.set_transform_static(transform("base", "camera"), "test")
    assert buffer.wait_for_transform_async("base", "camera", Time()).done()


def test_callbacks_may_await_a_transform(graph):
    buffer = Buffer()
    graph.node("node")
    task = graph.executor.create_task(buffer.lookup_transform_async, "base", "hand", at(1.0))
    graph.executor.spin_once(timeout_sec=0.0)
    assert not task.done()
    buffer.set_transform(transform("base", "hand", (1, 2, 3), seconds=1.0), "test")
    graph.spin_until(task.done)
    np.testing.assert_allclose(translation(task.result()), [1, 2, 3])


def moving_hand() -> Buffer:
    """A hand at x = 1 and a second later at x = 2, with a camera 0.5 above it."""
    buffer = Buffer()
    for seconds in (1.0, 2.0):
        buffer.set_transform(transform("base", "hand", (seconds, 0, 0), NONE, seconds), "test")
    buffer.set_transform_static(transform("hand", "camera", (0, 0, 0.5)), "test")
    return buffer


def test_what_was_seen_earlier_is_found_from_where_the_hand_is_now():
    found = moving_hand().lookup_transform_full("hand", at(2.0), "camera", at(1.0), "base")
    assert (found.header.frame_id, found.child_frame_id) == ("hand", "camera")
    np.testing.assert_allclose(translation(found), [-1, 0, 0.5], atol=1e-12)


def test_both_times_must_be_known():
    buffer = moving_hand()
    assert buffer.can_transform_full("hand", at(2.0), "camera", at(1.0), "base")
    assert not buffer.can_transform_full("hand", at(2.0), "camera", at(0.5), "base")
    assert not buffer.can_transform_full("hand", at(2.5), "camera", at(1.0), "base")


def test_times_may_be_those_of_messages():
    found = moving_hand().lookup_transform("base", "hand", at(1.5).to_msg())
    np.testing.assert_allclose(translation(found), [1.5, 0, 0])


def test_cleared_buffer_knows_nothing():
    buffer = moving_hand()
    buffer.clear()
    assert not buffer.can_transform("base", "hand", Time())


def test_cleared_buffer_keeps_static_transforms():
    buffer = moving_hand()
    buffer.clear()
    assert buffer.can_transform("hand", "camera", Time())


def test_jump_back_in_time_clears_the_buffer_of_a_node(graph):
    clock = graph.node("clock").create_publisher(Clock, "/clock", 10)
    node = graph.node("node", parameter_overrides=[Parameter("use_sim_time", value=True)])
    graph.spin_until(lambda: clock.get_subscription_count() == 1)
    buffer = Buffer(node=node)

    def set_time(seconds: float) -> None:
        clock.publish(Clock(clock=at(seconds).to_msg()))
        graph.spin_until(lambda: node.get_clock().now().nanoseconds == at(seconds).nanoseconds)

    set_time(100.0)
    buffer.set_transform(transform("base", "hand", seconds=100.0), "test")
    set_time(101.0)
    assert buffer.can_transform("base", "hand", Time())
    set_time(5.0)
    assert not buffer.can_transform("base", "hand", Time())


def pose_in(frame: str, seconds: float = 0.0) -> PoseStamped:
    """A pose 1 ahead, turned by a quarter about z."""
    message = PoseStamped()
    message.header.frame_id = frame
    message.header.stamp = at(seconds).to_msg()
    message.pose.position.x = 1.0
    for name, value in zip("xyzw", QUARTER_TURN_Z, strict=True):
        setattr(message.pose.orientation, name, float(value))
    return message


def quarter_turned_camera() -> Buffer:
    buffer = Buffer()
    buffer.set_transform_static(transform("base", "camera", (0, 0, 1), QUARTER_TURN_Z), "test")
    return buffer


def test_buffer_transforms_poses():
    moved = quarter_turned_camera().transform(pose_in("camera"), "base")
    position, orientation = moved.pose.position, moved.pose.orientation
    assert moved.header.frame_id == "base"
    np.testing.assert_allclose([position.x, position.y, position.z], [0, 1, 1], atol=1e-12)
    half_turn = np.array([orientation.x, orientation.y, orientation.z, orientation.w])
    np.testing.assert_allclose(abs(half_turn @ HALF_TURN_Z), 1.0)


def test_buffer_transforms_points():
    point = PointStamped()
    point.header.frame_id = "camera"
    point.point.x = 2.0
    moved = quarter_turned_camera().transform(point, "base").point
    np.testing.assert_allclose([moved.x, moved.y, moved.z], [0, 2, 1], atol=1e-12)


def test_buffer_turns_vectors_without_moving_them():
    vector = Vector3Stamped()
    vector.header.frame_id = "camera"
    vector.vector.x = 2.0
    moved = quarter_turned_camera().transform(vector, "base").vector
    np.testing.assert_allclose([moved.x, moved.y, moved.z], [0, 2, 0], atol=1e-12)


def test_messages_are_transformed_at_their_own_stamp():
    moved = moving_hand().transform(pose_in("hand", 1.5), "base")
    np.testing.assert_allclose(moved.pose.position.x, 2.5)


def test_messages_are_transformed_to_another_time_by_way_of_a_fixed_frame():
    moved = moving_hand().transform_full(pose_in("hand", 1.0), "hand", at(2.0), "base")
    np.testing.assert_allclose(moved.pose.position.x, 0.0, atol=1e-12)


def test_type_without_a_transformation_is_refused():
    state = JointState()
    state.header.frame_id = "camera"
    with pytest.raises(TypeException):
        quarter_turned_camera().transform(state, "base")


def test_transform_found_once_can_be_applied_to_many():
    found = quarter_turned_camera().lookup_transform("base", "camera", Time())
    positions = [do_transform_pose_stamped(pose_in("camera"), found).pose.position for _ in range(2)]
    assert [round(position.y, 9) for position in positions] == [1.0, 1.0]
