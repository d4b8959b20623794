"""Every message that the embedded runtime knows: bytes and type hash as rosbags has them, fields by distribution."""

from __future__ import annotations

import array
import json
import os
import random
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from embedded_ros.interfaces import cdr, registry
from embedded_ros.interfaces.definition import PLACEHOLDER
from embedded_ros.interfaces.message import NUMBER_CODES, message_class
from embedded_ros.interfaces.registry import definition, package_names
from embedded_ros.interfaces.type_hash import type_hash
from helpers.random_messages import random_message
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

CARRIED = Path(registry.__file__).parent / "definitions"
OWN = Path(__file__).parents[2] / "ros2_ws/src"
PARTS = {"msg": ("",), "srv": ("_Request", "_Response"), "action": ("_Goal", "_Result", "_Feedback")}


def definition_files() -> list[Path]:
    return sorted(path for folder in (CARRIED, OWN) for path in folder.glob("*/*/*") if path.suffix[1:] in PARTS)


@cache
def rosbags_store():
    """The oracle: rosbags' own types, and those that it reads from the definition files with its own parser."""
    store = get_typestore(Stores.ROS2_JAZZY)
    found = {}
    for path in definition_files():
        package, kind = path.parts[-3], path.parts[-2]
        texts = re.split(r"^---$", path.read_text(), flags=re.MULTILINE)
        for part, text in zip(PARTS[kind], texts, strict=True):
            parsed = get_types_from_msg(text, f"{package}/msg/{path.stem}{part}")
            found[f"{package}/{kind}/{path.stem}{part}"] = parsed.popitem()[1]
    store.register(found)
    return store


TYPES = sorted(rosbags_store().fielddefs)


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
        if field.name != PLACEHOLDER:
            values.append(value)
    return rosbags_store().types[name](*values)


@pytest.mark.parametrize("name", TYPES)
@settings(max_examples=8)
@given(seed=st.integers(0, 2**64))
def test_bytes_are_those_of_rosbags_and_read_back_equal(name: str, seed: int) -> None:
    message = random_message(name, random.Random(seed))
    written = cdr.serialize(message)
    assert bytes(written) == bytes(rosbags_store().serialize_cdr(as_rosbags(message, name), name))
    assert cdr.deserialize(written, message_class(name)) == message


def has_char(name: str) -> bool:
    kinds = [field.type for field in definition(name).fields]
    return any(kind.base == "char" or (kind.is_message and has_char(kind.base)) for kind in kinds)


def test_type_hashes_are_those_of_rosbags() -> None:
    # rosbags hashes `char` under an id of its own; rosidl maps it to uint8 first.
    names = [name for name in TYPES if not has_char(name)]
    assert len(names) > 0.95 * len(TYPES)
    for name in names:
        assert type_hash(name) == rosbags_store().hash_rihs01(name), name


# Taken from systems that run ROS 2 Jazzy.
PUBLISHED = {
    "action_msgs/msg/GoalStatusArray": "6c1684b00f177d37438febe6e709fc4e2b0d4248dca4854946f9ed8b30cda83e",
    "action_msgs/srv/CancelGoal": "573d8b0a534451d7bc2ac8c5ffde8ac14b8593b7001175d0cd6516dcbeb8689a",
    "action_msgs/srv/CancelGoal_Request": "3d3c84653c1f96918086887e1dcb236faec88b81a5b14fd4cf4840065bcdf8af",
    "geometry_msgs/msg/Twist": "9c45bf16fe0983d80e3cfe750d6835843d265a9a6c46bd2e609fcddde6fb8d2a",
    "rcl_interfaces/msg/Log": "e28ce254ca8abc06abf92773b74602cdbf116ed34fbaf294fb9f81da9f318eac",
    "rcl_interfaces/msg/ParameterEvent": "043e627780fcad87a22d225bc2a037361dba713fca6a6b9f4b869a5aa0393204",
    "rcl_interfaces/srv/GetParameters": "bf9803d5c74cf989a5de3e0c2e99444599a627c7ff75f97b8c05b01003675cbc",
    "rcl_interfaces/srv/ListParameters": "3e6062bfbb27bfb8730d4cef2558221f51a11646d78e7bb30a1e83afac3aad9d",
    "sensor_msgs/msg/BatteryState": "4bee5dfce981c98faa6828b868307a0a73f992ed0789f374ee96c8f840e69741",
    "sensor_msgs/srv/SetCameraInfo_Request": "27dc5497730fdb6930e66cb879c210e31a83022acc5bbc999f24f55286029f87",
    "std_msgs/msg/String": "df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18",
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_type_hashes_are_the_published_ones(name: str) -> None:
    assert type_hash(name) == f"RIHS01_{PUBLISHED[name]}"


def run_python(code: str, **environment: str) -> str:
    """What `code` prints in a fresh interpreter: the registry reads its environment once."""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_interfaces_of_a_workspace_load_by_its_prefix(tmp_path: Path) -> None:
    folder = tmp_path / "share/example_interfaces/action"
    folder.mkdir(parents=True)
    (folder / "Fibonacci.action").write_text("int32 order\n---\nint32[] sequence\n---\nint32[] sequence\n")
    printed = run_python(
        "from example_interfaces.action import Fibonacci\n"
        "from embedded_ros.interfaces.type_hash import type_hash\n"
        "impl = Fibonacci.Impl\n"
        "for part in (impl.SendGoalService.Request, impl.GetResultService.Response, impl.FeedbackMessage):\n"
        "    print(type_hash(part.definition.name))\n"
        "print(type_hash('example_interfaces/action/Fibonacci_SendGoal'))",
        AMENT_PREFIX_PATH=str(tmp_path),
    )
    assert printed.split() == [
        "RIHS01_3d088942b413247db536576f0286768c6be8fcd5d0c9a5d544f359fba090a238",
        "RIHS01_6021dc98ab9b4bbe395e48aa4de81ee5f68eb570f88358affcc648146668b24f",
        "RIHS01_c1de71afd52e49a89c53d8262366884185bc0a02f78ce051c4e46b0a7fe59bb2",
        "RIHS01_d1a57fb2a4afe8c21e34fb10db206f16ce6729b28531141472df92277c55b557",
    ]


DESCRIBE = """
import json
from embedded_ros.interfaces.registry import _typestore, definition, service_definition
from embedded_ros.interfaces.message import message_class

def fields(name):
    return [(field.name, str(field.type)) for field in definition(name).fields]

print(json.dumps({
    "standard": {name: fields(name) for name in _typestore().fielddefs},
    "trajectory feedback": [name for name, _ in fields("control_msgs/action/FollowJointTrajectory_Feedback")],
    "controller state": [name for name, _ in fields("control_msgs/msg/JointTrajectoryControllerState")],
    "switch": dict(definition("controller_manager_msgs/srv/SwitchController_Request").constants),
    "fix": message_class("sensor_msgs/msg/NavSatStatus")().status,
}))
"""


@cache
def described(distribution: str) -> dict:
    return json.loads(run_python(DESCRIBE, ROS_DISTRO=distribution))


@pytest.mark.parametrize("distribution", ["humble", "jazzy", "kilted", "lyrical"])
def test_standard_messages_are_those_of_the_distribution(distribution: str) -> None:
    store = get_typestore(Stores[f"ROS2_{distribution.upper()}"])
    for name, fields in described(distribution)["standard"].items():
        expected = [field for field, _ in store.fielddefs[name][1]] or [PLACEHOLDER]
        assert [field for field, _ in fields] == expected, name


def test_what_distributions_have_otherwise_follows_them() -> None:
    humble, jazzy, kilted, lyrical = (described(name) for name in ("humble", "jazzy", "kilted", "lyrical"))
    assert ["index" in of["trajectory feedback"] for of in (humble, jazzy, kilted, lyrical)] == [0, 0, 1, 1]
    assert ["desired" in of["controller state"] for of in (humble, jazzy, kilted, lyrical)] == [1, 0, 0, 0]
    assert ["AUTO" in of["switch"] for of in (humble, jazzy, kilted, lyrical)] == [0, 1, 1, 1]
    assert [of["fix"] for of in (humble, jazzy, kilted, lyrical)] == [0, -2, -2, -2]
    gid = "rmw_dds_common/msg/Gid"
    sizes = [of["standard"][gid][0][1] for of in (humble, jazzy, kilted, lyrical)]
    assert sizes == ["uint8[24]", "uint8[16]", "uint8[16]", "uint8[16]"]


def test_definitions_that_distributions_have_otherwise_do_differ() -> None:
    changes = CARRIED.parent / "distributions"
    for path in changes.glob("*/*/*/*"):
        usual = CARRIED / path.relative_to(changes / path.relative_to(changes).parts[0])
        assert not usual.exists() or usual.read_text() != path.read_text(), path


@pytest.mark.parametrize(
    ("package", "kind", "names"),
    [
        ("action_msgs", "srv", "CancelGoal"),
        ("control_msgs", "action", "FollowJointTrajectory GripperCommand ParallelGripperCommand"),
        ("control_msgs", "msg", "JointJog JointTrajectoryControllerState"),
        ("controller_manager_msgs", "srv", "ListControllers SwitchController"),
        ("diagnostic_msgs", "srv", "AddDiagnostics SelfTest"),
        ("franka_msgs", "action", "ErrorRecovery Grasp Homing Move"),
        ("franka_msgs", "msg", "FrankaRobotState"),
        ("lifecycle_msgs", "srv", "ChangeState GetAvailableStates GetAvailableTransitions GetState"),
        ("moveit_msgs", "srv", "ServoCommandType"),
        ("nav_msgs", "srv", "GetMap GetPlan LoadMap SetMap"),
        ("realsense2_camera_msgs", "msg", "Extrinsics IMUInfo Metadata RGBD"),
        ("realsense2_camera_msgs", "srv", "DeviceInfo"),
        ("sensor_msgs", "srv", "SetCameraInfo"),
        ("std_srvs", "srv", "Empty SetBool Trigger"),
        ("tf2_msgs", "action", "LookupTransform"),
        ("tf2_msgs", "srv", "FrameGraph"),
        ("unique_identifier_msgs", "msg", "UUID"),
        ("visualization_msgs", "srv", "GetInteractiveMarkers"),
    ],
)
def test_packages_have_what_a_robot_needs(package: str, kind: str, names: str) -> None:
    assert set(names.split()) <= set(package_names(package, kind))


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


def test_unknown_fields_are_refused_with_the_known_ones() -> None:
    with pytest.raises(AssertionError, match=r"constructor: q .*has x, y, z"):
        message_class("geometry_msgs/msg/Point")(q=1.0)


def test_what_stands_on_the_wire_for_no_fields_is_not_shown() -> None:
    empty = message_class("std_srvs/srv/Trigger_Request")
    assert empty.get_fields_and_field_types() == {}
    assert repr(empty()) == "std_srvs.srv.Trigger_Request()"
    with pytest.raises(AssertionError, match="has no field"):
        empty(q=1)


def test_bytes_become_image_data() -> None:
    image = message_class("sensor_msgs/msg/Image")(data=bytes([1, 2, 3]))
    assert image.data == array.array("B", [1, 2, 3])
