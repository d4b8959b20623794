"""What stands after `--ros-args`: parameters, their files, the enclave."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import rclpy
from rclpy.context import Context
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.node import Node

UNSET = "unset"


def node_with(graph, *arguments: str, name: str = "arm", namespace: str = "/left") -> Node:
    return graph.node(name, namespace=namespace, cli_args=["--ros-args", *arguments])


def value(node: Node, name: str, default: Any = UNSET) -> Any:
    return node.declare_parameter(name, default).value


def file_with(folder: Path, text: str) -> str:
    path = folder / "parameters.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "default", "read"),
    [
        ("7", 0, 7), ("-0x10", 0, -16), ("1.5", 0.0, 1.5), ("1e1", 0.0, 10.0), ("true", False, True),
        ("on", False, True), ("text", "", "text"), ("'7'", "", "7"), ("[1, 2]", [0], [1, 2]),
        ("[0.1, 2.0]", [0.0], [0.1, 2.0]), ("[a, b]", [""], ["a", "b"]), ("[true, false]", [False], [True, False]),
        ("''", "unset", ""), ("null", "", "null"), ("~", "", "~"), ("[null]", [""], ["null"]),
    ],
)  # fmt: skip
def test_a_value_is_read_as_yaml(graph, text: str, default, read) -> None:
    assert value(node_with(graph, "-p", f"p:={text}"), "p", default) == read


def test_the_long_form_of_a_parameter_is_the_same(graph) -> None:
    assert value(node_with(graph, "--param", "p:=7"), "p", 0) == 7


def test_a_parameter_can_be_of_one_node(graph) -> None:
    node = node_with(graph, "-p", "arm:mine:=a", "-p", "hand:others:=b", namespace="")
    assert (value(node, "mine"), value(node, "others")) == ("a", UNSET)


def test_the_last_of_two_values_holds(graph) -> None:
    assert value(node_with(graph, "-p", "p:=1", "-p", "p:=2"), "p", 0) == 2


@pytest.mark.parametrize(
    ("pattern", "applies"),
    [
        ("/**", True),
        ("/left/arm", True),
        ("/left/*", True),
        ("/*/arm", True),
        ("/**/arm", True),
        ("/left/**", True),
        ("/right/arm", False),
        ("/left/hand", False),
        ("/*", False),
        ("/left", False),
    ],
)
def test_a_file_is_for_the_nodes_that_it_names(graph, tmp_path: Path, pattern: str, applies: bool) -> None:
    path = file_with(tmp_path, f"{pattern}:\n  ros__parameters: {{p: given}}\n")
    assert value(node_with(graph, "--params-file", path), "p") == ("given" if applies else UNSET)


def test_a_name_without_slash_is_a_node_without_namespace(graph, tmp_path: Path) -> None:
    path = file_with(tmp_path, "arm:\n  ros__parameters: {p: given}\n")
    assert value(node_with(graph, "--params-file", path, namespace=""), "p") == "given"


def test_namespaces_may_be_nested_in_a_file(graph, tmp_path: Path) -> None:
    path = file_with(tmp_path, "/left:\n  arm:\n    ros__parameters: {p: given}\n")
    assert value(node_with(graph, "--params-file", path), "p") == "given"


def test_parameters_may_be_nested_in_a_file(graph, tmp_path: Path) -> None:
    path = file_with(tmp_path, "/**:\n  ros__parameters:\n    gains: {p: 1.5, i: [0.1, 2.0]}\n")
    node = node_with(graph, "--params-file", path)
    assert (value(node, "gains.p", 0.0), value(node, "gains.i", [0.0])) == (1.5, [0.1, 2.0])


def test_a_quoted_value_is_text(graph, tmp_path: Path) -> None:
    path = file_with(tmp_path, "/**:\n  ros__parameters: {p: 'true'}\n")
    assert value(node_with(graph, "--params-file", path), "p") == "true"


def test_a_later_entry_of_a_file_wins(graph, tmp_path: Path) -> None:
    path = file_with(tmp_path, "/**:\n  ros__parameters: {p: all, q: all}\n/left/arm:\n  ros__parameters: {p: one}\n")
    node = node_with(graph, "--params-file", path)
    assert (value(node, "p"), value(node, "q")) == ("one", "all")


def test_an_argument_wins_over_a_file_for_all_nodes(graph, tmp_path: Path) -> None:
    path = file_with(tmp_path, "/**:\n  ros__parameters: {p: file}\n")
    assert value(node_with(graph, "--params-file", path, "-p", "p:=argument"), "p") == "argument"


def test_an_override_of_the_program_wins_over_its_arguments(graph) -> None:
    override = [rclpy.Parameter("p", value="program")]
    node = graph.node("arm", cli_args=["--ros-args", "-p", "p:=argument"], parameter_overrides=override)
    assert value(node, "p") == "program"


def test_a_value_of_another_type_than_the_default_is_refused(graph) -> None:
    with pytest.raises(InvalidParameterTypeException):
        value(node_with(graph, "-p", "p:=7"), "p", 0.5)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-p", "novalue"],
        ["-p", "p:="],
        ["-p"],
        ["-r", "a"],
        ["-r"],
        ["--params-file", "none.yaml"],
        ["--params-file"],
        ["--nonsense"],
    ],
)
def test_what_cannot_be_read_is_an_error(graph, arguments: list[str]) -> None:
    with pytest.raises(RuntimeError):
        node_with(graph, *arguments)


@pytest.mark.parametrize(
    "text",
    [
        "ros__parameters: {p: 1}\n",
        "/**:\n  ros__parameters: {p: [1, a]}\n",
        "/**:\n  ros__parameters:\n    p:\n    q: 1\n",
        "/**: 7\n",
        "/**:\n  ros__parameters: {p: [1, 2\n",
    ],
)
def test_a_file_that_is_none_of_parameters_is_an_error(graph, tmp_path: Path, text: str) -> None:
    with pytest.raises(RuntimeError):
        node_with(graph, "--params-file", file_with(tmp_path, text))


@contextmanager
def context_with(graph, *arguments: str) -> Iterator[Context]:
    context = Context()
    rclpy.init(args=["program", *arguments], context=context, domain_id=graph.domain_id)
    try:
        yield context
    finally:
        rclpy.try_shutdown(context=context)


def test_arguments_of_the_process_are_for_its_nodes(graph) -> None:
    with context_with(graph, "--ros-args", "-p", "p:=given") as context:
        assert value(rclpy.create_node("one", context=context), "p") == "given"
        assert value(rclpy.create_node("two", context=context, use_global_arguments=False), "p") == UNSET


def test_arguments_end_at_two_dashes_or_begin_anew(graph) -> None:
    words = ("-p", "p:=before", "--ros-args", "-p", "q:=within", "--", "-p", "r:=after", "--ros-args", "-p", "s:=again")
    with context_with(graph, *words) as context:
        node = rclpy.create_node("node", context=context)
        assert [value(node, name) for name in "pqrs"] == [UNSET, "within", UNSET, "again"]


def test_the_enclave_is_told_in_the_graph(graph) -> None:
    with context_with(graph, "--ros-args", "-e", "/cell") as context:
        node = rclpy.create_node("secret", context=context)
        graph.spin_until(lambda: ("secret", "/", "/cell") in node.get_node_names_and_namespaces_with_enclaves())
