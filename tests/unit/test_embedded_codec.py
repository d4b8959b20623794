"""The codec and the parser of definitions: safe against bytes that are no message, plain about texts that are none."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from embedded_ros.interfaces import cdr
from embedded_ros.interfaces.definition import InterfaceError, parse_action, parse_message, parse_service
from embedded_ros.interfaces.message import message_class, service_class
from embedded_ros.interfaces.registry import definition, package_names
from helpers.random_messages import random_message
from hypothesis import given
from hypothesis import strategies as st

TYPES = [
    "builtin_interfaces/msg/Time",
    "control_msgs/msg/JointJog",
    "diagnostic_msgs/msg/DiagnosticArray",
    "geometry_msgs/msg/PoseWithCovarianceStamped",
    "geometry_msgs/msg/TwistStamped",
    "lifecycle_msgs/msg/TransitionEvent",
    "nav_msgs/msg/OccupancyGrid",
    "rcl_interfaces/msg/ParameterDescriptor",
    "rcl_interfaces/msg/ParameterEvent",
    "rmw_dds_common/msg/ParticipantEntitiesInfo",
    "rosgraph_msgs/msg/Clock",
    "sdm_interfaces/msg/ActionChunk",
    "sdm_interfaces/msg/PolicyTrace",
    "sensor_msgs/msg/CameraInfo",
    "sensor_msgs/msg/Image",
    "sensor_msgs/msg/Imu",
    "sensor_msgs/msg/JointState",
    "sensor_msgs/msg/PointCloud2",
    "shape_msgs/msg/Mesh",
    "std_msgs/msg/Float64MultiArray",
    "std_msgs/msg/Header",
    "std_msgs/msg/String",
    "tf2_msgs/msg/TFMessage",
    "trajectory_msgs/msg/JointTrajectory",
    "visualization_msgs/msg/Marker",
]


@pytest.mark.parametrize("name", TYPES)
@given(seed=st.integers(0, 2**64))
def test_damaged_bytes_are_refused_or_read_but_nothing_else(name: str, seed: int) -> None:
    rng = random.Random(seed)
    damaged = cdr.serialize(random_message(name, rng))
    if rng.random() < 0.5:
        del damaged[rng.randrange(len(damaged)) :]
    for _ in range(rng.randrange(5)):
        if damaged:
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    with suppress(cdr.CdrError):
        message = cdr.deserialize(damaged, message_class(name))
        assert isinstance(message, message_class(name))


def test_a_huge_length_is_refused_before_memory_is_taken() -> None:
    for name in ("std_msgs/msg/String", "tf2_msgs/msg/TFMessage", "std_msgs/msg/Int64MultiArray"):
        with pytest.raises(cdr.CdrError, match="its CDR form"):
            cdr.deserialize(cdr.HEADER + b"\xff\xff\xff\xff" * 3, message_class(name))


def test_big_endian_bytes_are_refused_by_name() -> None:
    with pytest.raises(cdr.CdrError, match="encapsulation 0000 is not CDR_LE"):
        cdr.deserialize(b"\0\0\0\0" + bytes(8), message_class("builtin_interfaces/msg/Time"))


def test_a_service_prefix_keeps_the_alignment() -> None:
    message = message_class("geometry_msgs/msg/Point")(x=1.0, y=2.0, z=3.0)
    framed = cdr.serialize(message, bytes(16))
    assert len(framed) == 4 + 16 + 24
    assert cdr.deserialize(framed, type(message), 16) == message


def test_own_interfaces_are_found_by_their_package() -> None:
    assert set(package_names("sdm_interfaces", "msg")) >= {"ActionChunk", "PolicyTrace"}
    start = service_class("sdm_interfaces/srv/StartEpisode")
    assert start.Request(seed=2**63).seed == 2**63


def test_an_unknown_message_is_answered_with_near_names() -> None:
    with pytest.raises(InterfaceError, match=r"message sensor_msgs/Imagee is not known; sensor_msgs has Image"):
        definition("sensor_msgs/msg/Imagee")


def test_definitions_are_read_with_bounds_constants_defaults_and_comments() -> None:
    of = parse_message(
        'int32 LIMIT=-3 # most\nstring NAME = "a # b"\n'
        "\nfloat64 rate 2.5  # Hz\nstring<=5 unit 'mm'\n"
        "int8[<=4] few [1, 2]\nuint16[3] three\nHeader header\nPoint p\n",
        "geometry_msgs/msg/Odd",
    )
    assert dict(of.constants) == {"LIMIT": -3, "NAME": "a # b"}
    assert [(f.name, str(f.type), f.default) for f in of.fields] == [
        ("rate", "double", 2.5),
        ("unit", "string<5>", "mm"),
        ("few", "sequence<int8, 4>", [1, 2]),
        ("three", "uint16[3]", None),
        ("header", "std_msgs/Header", None),
        ("p", "geometry_msgs/Point", None),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [("int32", "no field name"), ("wstring a", "wstring is not supported"), ("int[ a", "no.*field type")],
)
def test_a_bad_definition_names_its_line(text: str, told: str) -> None:
    with pytest.raises(InterfaceError, match=rf"a/msg/B: line 2: .*{told}|a/msg/B: line 2: .*not a field type"):
        parse_message(f"bool x\n{text}\n", "a/msg/B")


def test_a_service_has_two_halves() -> None:
    service = parse_service("uint64 seed\n---\nbool success\n", "a/srv/Start")
    assert [message.name for message in service.messages] == ["a/srv/Start_Request", "a/srv/Start_Response"]
    with pytest.raises(InterfaceError, match="one line of '---', found 0"):
        parse_service("uint64 seed\n", "a/srv/Start")


def test_an_action_has_three_messages_and_what_goes_over_the_wire() -> None:
    action = parse_action("float64 width\n---\nbool done\n---\nfloat64 now\n", "a/action/Move")
    assert {
        message.name.removeprefix("a/action/Move_"): [f.name for f in message.fields] for message in action.messages
    } == {
        "Goal": ["width"],
        "Result": ["done"],
        "Feedback": ["now"],
        "SendGoal_Request": ["goal_id", "goal"],
        "SendGoal_Response": ["accepted", "stamp"],
        "GetResult_Request": ["goal_id"],
        "GetResult_Response": ["status", "result"],
        "FeedbackMessage": ["goal_id", "feedback"],
    }
    with pytest.raises(InterfaceError, match="a/action/Move: an action has 2 lines of '---', found 1"):
        parse_action("float64 width\n---\nbool done\n", "a/action/Move")
