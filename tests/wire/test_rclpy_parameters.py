"""Parameters: declaring, overriding, judging, and their services."""

from __future__ import annotations

from pathlib import Path

import pytest
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    ParameterEvent,
    SetParametersResult,
)
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from rclpy.parameter import Parameter, parameter_value_to_python

RATE = ParameterDescriptor(floating_point_range=[FloatingPointRange(from_value=0.0, to_value=10.0, step=0.5)])


def test_declared_parameters_have_their_default(graph) -> None:
    node = graph.node("node")
    assert node.declare_parameter("rate", 5.0).value == 5.0
    assert node.get_parameter("rate").type_ is Parameter.Type.DOUBLE
    node.declare_parameters("limits", [("low", [1.0, 2.0]), ("names", ["a"])])
    assert node.get_parameter("limits.low").value == [1.0, 2.0]
    assert {name: p.value for name, p in node.get_parameters_by_prefix("limits").items()} == {
        "low": [1.0, 2.0],
        "names": ["a"],
    }
    with pytest.raises(ParameterAlreadyDeclaredException):
        node.declare_parameter("rate", 1.0)
    with pytest.raises(ParameterNotDeclaredException):
        node.get_parameter("none")
    assert node.get_parameter_or("none", Parameter("none", value=3)).value == 3


def test_a_type_alone_declares_an_uninitialised_parameter(graph) -> None:
    node = graph.node("node", parameter_overrides=[Parameter("given", value="x")])
    node.declare_parameter("given", Parameter.Type.STRING)
    node.declare_parameter("open", Parameter.Type.STRING)
    assert node.get_parameter("given").value == "x"
    with pytest.raises(ParameterUninitializedException):
        node.get_parameter("open")
    assert node.set_parameters([Parameter("open", value="y")])[0].successful
    assert node.get_parameter("open").value == "y"


def test_overrides_win_over_defaults_and_must_fit(graph) -> None:
    node = graph.node(
        "node",
        parameter_overrides=[Parameter("rate", value=2.5), Parameter("n", value="x"), Parameter("far", value=99.0)],
    )
    assert node.declare_parameter("rate", 5.0, RATE).value == 2.5
    with pytest.raises(InvalidParameterTypeException, match="'n' to 'x'"):
        node.declare_parameter("n", 1)
    with pytest.raises(InvalidParameterValueException, match="out of range"):
        node.declare_parameter("far", 1.0, RATE)
    assert node.declare_parameter("far", 1.0, ignore_override=True).value == 1.0


@pytest.mark.parametrize(
    ("value", "told"),
    [(20.0, "out of range"), (2.25, "valid step"), (2, "Wrong parameter type"), ("x", "Wrong parameter type")],
)
def test_a_value_outside_the_descriptor_changes_nothing(graph, value, told: str) -> None:
    node = graph.node("node")
    node.declare_parameter("rate", 5.0, RATE)
    (result,) = node.set_parameters([Parameter("rate", value=value)])
    assert not result.successful
    assert told in result.reason
    assert node.get_parameter("rate").value == 5.0


def test_integer_ranges_and_read_only(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("n", 2, ParameterDescriptor(integer_range=[IntegerRange(from_value=0, to_value=10, step=2)]))
    node.declare_parameter("fixed", "a", ParameterDescriptor(read_only=True))
    results = node.set_parameters([Parameter("n", value=v) for v in (4, 5, 12)] + [Parameter("fixed", value="b")])
    assert [result.successful for result in results] == [True, False, False, False]
    assert "read-only" in results[3].reason
    with pytest.raises(ParameterImmutableException):
        node.undeclare_parameter("fixed")
    node.undeclare_parameter("n")
    assert not node.has_parameter("n")


def test_callbacks_change_judge_and_follow(graph) -> None:
    node = graph.node("node")
    node.declare_parameter("a", 1)
    node.declare_parameter("b", 1)
    seen: list[str] = []

    def judge(parameters: list[Parameter]) -> SetParametersResult:
        seen.append("on")
        return SetParametersResult(successful=all(p.value < 100 for p in parameters), reason="too much")

    node.add_pre_set_parameters_callback(lambda ps: [*ps, Parameter("b", value=7)])
    node.add_on_set_parameters_callback(judge)
    node.add_post_set_parameters_callback(lambda ps: seen.append(f"post {[p.name for p in ps]}"))
    assert node.set_parameters([Parameter("a", value=2)])[0].successful
    assert seen == ["on", "post ['a', 'b']"]
    assert (node.get_parameter("a").value, node.get_parameter("b").value) == (2, 7)
    refused = node.set_parameters_atomically([Parameter("a", value=3), Parameter("a", value=100)])
    assert (refused.successful, refused.reason) == (False, "too much")
    assert node.get_parameter("a").value == 2
    node.remove_on_set_parameters_callback(judge)
    assert node.set_parameters_atomically([Parameter("a", value=100)]).successful
    with pytest.raises(ParameterNotDeclaredException):
        node.set_parameters([Parameter("none", value=1)])


def test_command_line_and_files_override(graph, tmp_path: Path) -> None:
    file = tmp_path / "parameters.yaml"
    file.write_text(
        "/**:\n  ros__parameters:\n    rate: 1e1\n    gains: {p: 1.5, i: [0.1, 2.0]}\n    on: yes\n    name: 'true'\n"
        "/left/*:\n  ros__parameters: {mode: left}\n"
        "/left:\n  arm:\n    ros__parameters: {n: 0x10}\n"
        "hand:\n  ros__parameters: {rate: 3.0}\n"
        "/right/arm:\n  ros__parameters: {mode: right}\n"
    )
    node = graph.node(
        "arm", namespace="/left", cli_args=["--ros-args", "--params-file", str(file), "-p", "n:=7", "-p", "hand:x:=1"]
    )
    values = {}
    for name, default in (
        ("rate", 0.0),
        ("gains.p", 0.0),
        ("gains.i", [0.0]),
        ("on", False),
        ("name", ""),
        ("mode", ""),
        ("n", 0),
        ("x", 0),
    ):
        values[name] = node.declare_parameter(name, default).value
    assert values == {
        "rate": 10.0, "gains.p": 1.5, "gains.i": [0.1, 2.0], "on": True, "name": "true", "mode": "left", "n": 7, "x": 0,
    }  # fmt: skip
    hand = graph.node("hand", cli_args=["--ros-args", "--params-file", str(file)])
    assert hand.declare_parameter("rate", 0.0).value == 3.0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-p", "novalue"], "Couldn't parse parameter override rule: '-p novalue'"),
        (["-r", "a"], "Couldn't parse remap rule"),
        (["--params-file", "none.yaml"], "Error opening YAML file none.yaml"),
        (["--nonsense"], r"unknown ROS arguments: \[--nonsense\]"),
        (["-p"], "trailing -p"),
    ],
)
def test_bad_ros_arguments_are_named(graph, arguments: list[str], told: str) -> None:
    with pytest.raises(RuntimeError, match=told):
        graph.node("node", cli_args=["--ros-args", *arguments])


def test_overrides_may_declare_themselves(graph) -> None:
    node = graph.node(
        "node", parameter_overrides=[Parameter("a.b", value=1)], automatically_declare_parameters_from_overrides=True
    )
    assert node.get_parameter("a.b").value == 1
    loose = graph.node("loose", allow_undeclared_parameters=True)
    assert loose.get_parameter("x").value is None
    assert loose.set_parameters([Parameter("x", value=1)])[0].successful
    assert loose.get_parameter("x").value == 1


def test_the_parameter_services_read_describe_list_and_set(graph) -> None:
    node = graph.node("server")
    node.declare_parameter("rate", 5.0, RATE)
    node.declare_parameter("gains.p", 1)
    caller = graph.node("caller")

    def call(kind, name: str, request):
        client = caller.create_client(kind, f"/server/{name}")
        assert client.wait_for_service(10.0)
        future = client.call_async(request)
        graph.spin_until(future.done)
        caller.destroy_client(client)
        return future.result()

    got = call(GetParameters, "get_parameters", GetParameters.Request(names=["rate"]))
    assert [parameter_value_to_python(value) for value in got.values] == [5.0]
    assert not call(GetParameters, "get_parameters", GetParameters.Request(names=["rate", "none"])).values
    (descriptor,) = call(
        DescribeParameters, "describe_parameters", DescribeParameters.Request(names=["rate"])
    ).descriptors
    assert (descriptor.name, descriptor.type, descriptor.floating_point_range[0].to_value) == ("rate", 3, 10.0)
    listed = call(ListParameters, "list_parameters", ListParameters.Request()).result
    assert set(listed.names) == {"rate", "gains.p", "use_sim_time"}
    assert listed.prefixes == ["gains"]
    below = call(ListParameters, "list_parameters", ListParameters.Request(prefixes=["gains"], depth=1)).result
    assert list(below.names) == ["gains.p"]
    wanted = [Parameter("rate", value=1.0), Parameter("rate", value=11.0), Parameter("none", value=1)]
    results = call(
        SetParameters, "set_parameters", SetParameters.Request(parameters=[p.to_parameter_msg() for p in wanted])
    ).results
    assert [result.successful for result in results] == [True, False, False]
    assert node.get_parameter("rate").value == 1.0


def test_changes_are_published_as_events(graph) -> None:
    events: list[ParameterEvent] = []
    graph.node("listener").create_subscription(ParameterEvent, "/parameter_events", events.append, 100)
    node = graph.node("node")
    node.declare_parameter("a", 1)
    graph.spin_until(lambda: any(p.name == "a" for event in events for p in event.new_parameters))
    node.set_parameters([Parameter("a", value=2)])
    graph.spin_until(lambda: any(event.changed_parameters for event in events))
    assert events[-1].node == "/node"
    assert events[-1].changed_parameters[0].value.integer_value == 2


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (True, "BOOL"), (1, "INTEGER"), (1.0, "DOUBLE"), ("a", "STRING"), (None, "NOT_SET"), ([b"a"], "BYTE_ARRAY"),
        ([True], "BOOL_ARRAY"), ([1], "INTEGER_ARRAY"), ([1.0], "DOUBLE_ARRAY"), (["a"], "STRING_ARRAY"),
    ],
)  # fmt: skip
def test_types_follow_values_and_survive_the_message(value, type_: str) -> None:
    parameter = Parameter("p", value=value)
    assert parameter.type_ is Parameter.Type[type_]
    assert Parameter.from_parameter_msg(parameter.to_parameter_msg()) == parameter


def test_types_and_values_must_agree() -> None:
    with pytest.raises(ValueError, match="do not agree"):
        Parameter("p", Parameter.Type.INTEGER, 1.0)
    with pytest.raises(TypeError, match="allowed types"):
        Parameter("p", value=[1, "a"])
