"""`ros2-embedded param list|get|set`."""

from __future__ import annotations

import argparse

import yaml
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.srv import GetParameters, ListParameters, SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_value_to_python

from embedded_ros.cli.errors import CommandError
from embedded_ros.cli.graph import absolute, command_node, node_names, spin_for_result, wait_for_discovery

_LABELS = {
    ParameterType.PARAMETER_BOOL: "Boolean value is:",
    ParameterType.PARAMETER_INTEGER: "Integer value is:",
    ParameterType.PARAMETER_DOUBLE: "Double value is:",
    ParameterType.PARAMETER_STRING: "String value is:",
    ParameterType.PARAMETER_BYTE_ARRAY: "Byte values are:",
    ParameterType.PARAMETER_BOOL_ARRAY: "Boolean values are:",
    ParameterType.PARAMETER_INTEGER_ARRAY: "Integer values are:",
    ParameterType.PARAMETER_DOUBLE_ARRAY: "Double values are:",
    ParameterType.PARAMETER_STRING_ARRAY: "String values are:",
}
_SEARCH_SECONDS, _ANSWER_SECONDS = 2.0, 5.0


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="verb", required=True)
    listing = verbs.add_parser("list", help="the parameters of a node, or of all")
    listing.add_argument("node_name", nargs="?")
    listing.set_defaults(run=_list)
    get = verbs.add_parser("get", help="a parameter's value")
    get.add_argument("node_name")
    get.add_argument("parameter_name")
    get.set_defaults(run=_get)
    set_ = verbs.add_parser("set", help="set a parameter")
    set_.add_argument("node_name")
    set_.add_argument("parameter_name")
    set_.add_argument("value", help="in YAML: 1, 1.0, true, text, [1, 2]")
    set_.set_defaults(run=_set)


def _call(node: Node, service_type, name: str, request, node_name: str):
    client = node.create_client(service_type, f"{node_name}/{name}")
    if not client.wait_for_service(timeout_sec=_SEARCH_SECONDS):
        raise CommandError(f"Node not found: no '{node_name}' with parameter services on this graph")
    return spin_for_result(node, client.call_async(request), _ANSWER_SECONDS, f"node '{node_name}'")


def _list(options: argparse.Namespace) -> None:
    with command_node() as node:
        if options.node_name is not None:
            for name in _names(node, absolute(options.node_name)):
                print(f"  {name}")
            return
        wait_for_discovery()
        for node_name in node_names(node):
            print(f"{node_name}:")
            for name in _names(node, node_name):
                print(f"  {name}")


def _names(node: Node, node_name: str) -> list[str]:
    return sorted(_call(node, ListParameters, "list_parameters", ListParameters.Request(), node_name).result.names)


def _get(options: argparse.Namespace) -> None:
    with command_node() as node:
        request = GetParameters.Request(names=[options.parameter_name])
        values = _call(node, GetParameters, "get_parameters", request, absolute(options.node_name)).values
    if not values or values[0].type == ParameterType.PARAMETER_NOT_SET:
        raise CommandError(f"Parameter not set: '{options.parameter_name}' of '{options.node_name}'")
    value = parameter_value_to_python(values[0])
    print(_LABELS[values[0].type], list(value) if hasattr(value, "tolist") else value)


def _set(options: argparse.Namespace) -> None:
    value = yaml.safe_load(options.value)
    try:
        parameter = Parameter(options.parameter_name, value="" if value is None else value)
    except (TypeError, ValueError) as error:
        raise CommandError(f"'{options.value}' is no parameter value: {error}") from error
    with command_node() as node:
        request = SetParameters.Request(parameters=[parameter.to_parameter_msg()])
        result = _call(node, SetParameters, "set_parameters", request, absolute(options.node_name)).results[0]
    if not result.successful:
        raise CommandError(f"Setting parameter failed: {result.reason}")
    print("Set parameter successful" + (f": {result.reason}" if result.reason else ""))
