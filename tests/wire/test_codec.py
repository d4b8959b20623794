"""Messages and their CDR form: identical to rosbags', and safe against bytes that are no message."""

from __future__ import annotations

import array
import random
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from embedded_ros.interfaces import cdr
from embedded_ros.interfaces.definition import InterfaceError, parse_message, parse_service
from embedded_ros.interfaces.message import NUMBER_CODES, message_class, service_class
from embedded_ros.interfaces.registry import definition, package_names
from embedded_ros.interfaces.type_hash import type_hash
from hypothesis import given
from hypothesis import strategies as st
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

OWN = Path(__file__).parents[2] / "ros2_ws/src/sdm_interfaces/msg"
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


@cache
def rosbags_store():
    """The oracle, with the types that it does not ship."""
    store = get_typestore(Stores.ROS2_JAZZY)
    texts = {f"sdm_interfaces/msg/{path.stem}": path.read_text() for path in OWN.glob("*.msg")}
    texts["control_msgs/msg/JointJog"] = (
        "std_msgs/Header header\nstring[] joint_names\n"
        "float64[] displacements\nfloat64[] velocities\nfloat64 duration\n"
    )
    for name, text in texts.items():
        store.register(get_types_from_msg(text, name))
    return store


def random_value(base: str, rng: random.Random):
    if base == "string":
        return "".join(rng.choice("aZ0_/ é漢😀") for _ in range(rng.randrange(9)))
    if base == "bool":
        return rng.random() < 0.5
    if base == "byte":
        return rng.randbytes(1)
    if base.startswith("float"):
        value = rng.choice([0.0, -0.0, float("inf"), rng.gauss(0, 1e3), rng.gauss(0, 1e-30)])
        return value if base == "float64" else float(np.float32(value))
    info = np.iinfo("uint8" if base == "char" else base)
    return rng.choice([int(info.min), int(info.max), rng.randint(int(info.min), int(info.max))])


def random_message(name: str, rng: random.Random):
    values = {}
    for field in definition(name).fields:
        kind = field.type
        count = kind.capacity if kind.array == "fixed" else rng.randrange((kind.capacity or 4) + 1)
        make = random_message if kind.is_message else random_value
        made = [make(kind.base, rng) for _ in range(count if kind.array else 1)]
        values[field.name] = made if kind.array else made[0]
    return message_class(name)(**values)


def as_rosbags(message, name: str):
    """The same message as an object of rosbags' classes."""
    values = []
    for field in definition(name).fields:
        value, kind = getattr(message, field.name), field.type
        if kind.is_message:
            value = [as_rosbags(v, kind.base) for v in value] if kind.array else as_rosbags(value, kind.base)
        elif kind.base == "byte":
            # rosbags takes a byte as signed
            value = np.frombuffer(b"".join(value), np.int8) if kind.array else int.from_bytes(value, "big", signed=True)
        elif kind.array and kind.base != "string":
            value = np.array(value, bool if kind.base == "bool" else NUMBER_CODES[kind.base])
        values.append(value)
    return rosbags_store().types[name](*values)


@pytest.mark.parametrize("name", TYPES)
@given(seed=st.integers(0, 2**64))
def test_bytes_are_those_of_rosbags_and_read_back_equal(name: str, seed: int) -> None:
    message = random_message(name, random.Random(seed))
    written = cdr.serialize(message)
    assert bytes(written) == bytes(rosbags_store().serialize_cdr(as_rosbags(message, name), name))
    assert cdr.deserialize(written, message_class(name)) == message


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


def test_type_hashes_are_those_of_rosbags() -> None:
    store = rosbags_store()
    # rosbags hashes `char` under an id of its own; rosidl maps it to uint8 first.
    with_char = {"rmw_dds_common/msg/ParticipantEntitiesInfo"}
    for name in set(TYPES) - with_char:
        assert type_hash(name) == store.hash_rihs01(name), name
    assert type_hash("std_msgs/msg/String") == "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"


def test_messages_start_with_their_defaults() -> None:
    pose = message_class("geometry_msgs/msg/Pose")()
    assert (pose.orientation.x, pose.orientation.w) == (0.0, 1.0)
    info = message_class("sensor_msgs/msg/CameraInfo")()
    assert isinstance(info.k, np.ndarray)
    assert info.k.dtype == np.float64
    assert info.k.tolist() == [0.0] * 9
    joints = message_class("sensor_msgs/msg/JointState")()
    assert joints.position == array.array("d")
    assert joints.name == []
    assert message_class("sensor_msgs/msg/PointField").FLOAT32 == 7
    assert message_class("diagnostic_msgs/msg/DiagnosticStatus").STALE == b"\3"


def test_two_messages_share_no_mutable_default() -> None:
    cls = message_class("sensor_msgs/msg/JointState")
    first, second = cls(), cls()
    first.name.append("a")
    first.header.stamp.sec = 3
    first.position.append(1.0)
    assert second == cls()


@pytest.mark.parametrize(
    ("name", "field", "value", "told"),
    [
        ("std_msgs/msg/String", "data", 3, "'data' field must be of type 'str'"),
        ("std_msgs/msg/Float64", "data", 1, "'data' field must be of type 'float'"),
        ("std_msgs/msg/UInt8", "data", 256, r"integer in \[0, 255\]"),
        ("std_msgs/msg/Int32", "data", 1.0, "of type 'int'"),
        ("std_msgs/msg/Float32", "data", 1e39, "float32's range"),
        ("std_msgs/msg/Bool", "data", 1, "of type 'bool'"),
        ("geometry_msgs/msg/PoseStamped", "pose", 1, "sub message of type 'Pose'"),
        ("sensor_msgs/msg/JointState", "position", np.zeros(2), "not a numpy array"),
        ("sensor_msgs/msg/JointState", "position", array.array("f"), "typecode 'd'"),
        ("sensor_msgs/msg/JointState", "position", [1], "of type 'float'"),
        ("sensor_msgs/msg/JointState", "name", "panda", "a sequence of string"),
        ("sensor_msgs/msg/CameraInfo", "k", [1.0], "9 values of float64"),
        ("sensor_msgs/msg/CameraInfo", "k", np.zeros(9, np.float32), "not 9 of float32"),
        ("tf2_msgs/msg/TFMessage", "transforms", [1], "sub message of type 'TransformStamped'"),
        ("shape_msgs/msg/SolidPrimitive", "dimensions", [0.0] * 4, "at most 3"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(name: str, field: str, value: object, told: str) -> None:
    message = message_class(name)()
    before = repr(message)
    with pytest.raises(AssertionError, match=told) as refused:
        setattr(message, field, value)
    assert "\n" not in str(refused.value)
    assert repr(message) == before


def test_unknown_fields_and_positional_values_are_refused() -> None:
    cls = message_class("geometry_msgs/msg/Point")
    with pytest.raises(AssertionError, match=r"constructor: q .*has x, y, z"):
        cls(q=1.0)
    with pytest.raises(TypeError):
        cls(1.0, 2.0, 3.0)


def test_bytes_and_arrays_go_into_image_data_as_they_are() -> None:
    image = message_class("sensor_msgs/msg/Image")(data=bytes([1, 2, 3]))
    assert image.data == array.array("B", [1, 2, 3])
    pixels = array.array("B", [4])
    image.data = pixels
    assert image.data is pixels


def test_interface_modules_name_what_they_have() -> None:
    import sensor_msgs.msg as sensor
    from sensor_msgs.srv import SetCameraInfo
    from std_srvs.srv import Trigger

    assert sensor.Image is message_class("sensor_msgs/msg/Image")
    assert Trigger.Request is message_class("std_srvs/srv/Trigger_Request")
    assert SetCameraInfo.Request().camera_info == sensor.CameraInfo()
    assert {"Image", "JointState"} <= set(dir(sensor))
    with pytest.raises(ImportError):
        from sensor_msgs.msg import Picture  # noqa: F401  # pyright: ignore
    with pytest.raises(ImportError):
        import no_such_package.msg  # noqa: F401  # pyright: ignore


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
    request, response = parse_service("uint64 seed\n---\nbool success\n", "a/srv/Start")
    assert (request.name, response.name) == ("a/srv/Start_Request", "a/srv/Start_Response")
    with pytest.raises(InterfaceError, match="one line of '---', found 0"):
        parse_service("uint64 seed\n", "a/srv/Start")
