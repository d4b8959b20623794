"""`ros2-embedded param list|get|set|describe|dump|load|delete`."""

from __future__ import annotations

import argparse
import re
from typing import Any

import yaml
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterDescriptor, ParameterType
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.node import Node
from rclpy.parameter import (
    PARAMETER_SEPARATOR_STRING,
    get_parameter_value,
    parameter_dict_from_yaml_file,
    parameter_value_to_python,
)

from embedded_ros.cli.argument_types import not_negative, regex
from embedded_ros.cli.errors import CommandError
from embedded_ros.cli.graph import (
    absolute,
    add_node_arguments,
    command_node,
    discovered_graph,
    node_names,
    require_node,
    spin_for_result,
    split_node_name,
)

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
_TYPE_NAMES = {
    ParameterType.PARAMETER_NOT_SET: "not set",
    ParameterType.PARAMETER_BOOL: "boolean",
    ParameterType.PARAMETER_INTEGER: "integer",
    ParameterType.PARAMETER_DOUBLE: "double",
    ParameterType.PARAMETER_STRING: "string",
    ParameterType.PARAMETER_BYTE_ARRAY: "byte array",
    ParameterType.PARAMETER_BOOL_ARRAY: "boolean array",
    ParameterType.PARAMETER_INTEGER_ARRAY: "integer array",
    ParameterType.PARAMETER_DOUBLE_ARRAY: "double array",
    ParameterType.PARAMETER_STRING_ARRAY: "string array",
}
_ANSWER_SECONDS = 5.0


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="verb", required=True)
    listing = verbs.add_parser("list", help="the parameters of a node, or of all")
    listing.add_argument("node_name", nargs="?")
    listing.add_argument("--filter", type=regex, metavar="REGEX", help="only names that begin so")
    listing.add_argument("--param-prefixes", nargs="+", default=[], metavar="PREFIX", help="only these groups")
    listing.add_argument("--param-type", action="store_true", help="with their types")
    listing.set_defaults(run=_list)
    get = verbs.add_parser("get", help="a parameter's value")
    get.add_argument("node_name")
    get.add_argument("parameter_name")
    get.add_argument("--hide-type", action="store_true", help="the value alone")
    get.set_defaults(run=_get)
    set_ = verbs.add_parser("set", help="set a parameter")
    set_.add_argument("node_name")
    set_.add_argument("parameter_name")
    set_.add_argument("value", help="in YAML: 1, 1.0, true, text, [1, 2]")
    set_.set_defaults(run=_set)
    describe = verbs.add_parser("describe", help="parameters' types, descriptions and limits")
    describe.add_argument("node_name")
    describe.add_argument("parameter_names", nargs="+")
    describe.set_defaults(run=_describe)
    dump = verbs.add_parser("dump", help="all parameters of a node as a parameter file")
    dump.add_argument("node_name")
    dump.set_defaults(run=_dump)
    load = verbs.add_parser("load", help="set a node's parameters from a file")
    load.add_argument("node_name")
    load.add_argument("parameter_file")
    load.add_argument("--no-use-wildcard", action="store_true", help="leave out those of '/**'")
    load.set_defaults(run=_load)
    delete = verbs.add_parser("delete", help="undeclare a parameter")
    delete.add_argument("node_name")
    delete.add_argument("parameter_name")
    delete.set_defaults(run=_delete)
    for verb in (listing, get, set_, describe, dump, load, delete):
        verb.add_argument("--include-hidden-nodes", action="store_true", help="hidden nodes, too")
        add_node_arguments(verb)
    for verb in (get, set_, describe, dump, load, delete):
        verb.add_argument("--timeout", type=not_negative, default=1.0, metavar="N", help="seconds to wait for it [1]")


def _list(options: argparse.Namespace) -> None:
    with discovered_graph(options) as node:
        # By their own names, not their namespaces, as `ros2` does.
        names = sorted(node_names(node, options.include_hidden_nodes), key=split_node_name)
        if options.node_name is not None:
            names = [require_node(node, options.node_name, 0.0, options.include_hidden_nodes)]
        for node_name in names:
            found = [
                name
                for name in _names(node, node_name, options.param_prefixes)
                if options.filter is None or re.match(options.filter, name)
            ]
            if found and options.node_name is None:
                print(f"{node_name}:")
            types = (
                {each.name: each.type for each in _descriptors(node, node_name, found)} if options.param_type else {}
            )
            for name in found:
                print(f"  {name} (type: {_TYPE_NAMES[types[name]]})" if options.param_type else f"  {name}")


def _get(options: argparse.Namespace) -> None:
    with command_node(options) as node:
        values = _values(node, _node_of(node, options), [options.parameter_name])
    if not values:
        raise CommandError("Parameter not set")
    value = parameter_value_to_python(values[0])
    if options.hide_type:
        print(value)
    elif value is None:
        print("Parameter not set.")
    else:
        print(_LABELS[values[0].type], value)


def _set(options: argparse.Namespace) -> None:
    parameter = ParameterMessage(name=options.parameter_name, value=get_parameter_value(options.value))
    with command_node(options) as node:
        result = _set_one(node, _node_of(node, options), parameter)
    if not result.successful:
        raise CommandError(_with_reason("Setting parameter failed", result))
    print(_with_reason("Set parameter successful", result))


def _delete(options: argparse.Namespace) -> None:
    with command_node(options) as node:
        result = _set_one(node, _node_of(node, options), ParameterMessage(name=options.parameter_name))
    if not result.successful:
        raise CommandError(_with_reason("Deleting parameter failed", result))
    print(_with_reason("Deleted parameter successfully", result))


def _describe(options: argparse.Namespace) -> None:
    with command_node(options) as node:
        descriptors = _descriptors(node, _node_of(node, options), options.parameter_names)
    for descriptor in descriptors:
        print("\n".join(description_lines(descriptor)))


def description_lines(descriptor: ParameterDescriptor) -> list[str]:
    """A parameter's descriptor in the form of `ros2 param describe`."""
    lines = [f"Parameter name: {descriptor.name}", f"  Type: {_TYPE_NAMES[descriptor.type]}"]
    if descriptor.description:
        lines.append(f"  Description: {descriptor.description}")
    lines.append("  Constraints:")
    if descriptor.read_only:
        lines.append("    Read only: true")
    for limits in [*descriptor.floating_point_range, *descriptor.integer_range][:1]:
        lines += [f"    Min value: {limits.from_value}", f"    Max value: {limits.to_value}"]
        if limits.step:
            lines.append(f"    Step: {limits.step}")
    if descriptor.additional_constraints:
        lines.append(f"    Additional constraints: {descriptor.additional_constraints}")
    return lines


def _dump(options: argparse.Namespace) -> None:
    with command_node(options) as node:
        node_name = _node_of(node, options)
        names = _names(node, node_name)
        values = [parameter_value_to_python(value) for value in _values(node, node_name, names)]
    nested: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        *groups, last = name.split(PARAMETER_SEPARATOR_STRING)
        group = nested
        for part in groups:
            group = group.setdefault(part, {})
        group[last] = value
    print(yaml.safe_dump({node_name: {"ros__parameters": nested}}, default_flow_style=False))


def _load(options: argparse.Namespace) -> None:
    with command_node(options) as node:
        node_name = _node_of(node, options)
        try:
            found = parameter_dict_from_yaml_file(
                options.parameter_file, not options.no_use_wildcard, target_nodes=[node_name]
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise CommandError(f"'{options.parameter_file}' cannot be loaded: {error}") from error
        request = SetParameters.Request(parameters=list(found.values()))
        results = _call(node, SetParameters, "set_parameters", request, node_name).results
    failures = []
    for name, result in zip(found, results, strict=True):
        if result.successful:
            print(_with_reason(f"Set parameter {name} successful", result))
        else:
            failures.append(_with_reason(f"Set parameter {name} failed", result))
    if failures:
        raise CommandError("\n".join(failures))


def _node_of(node: Node, options: argparse.Namespace) -> str:
    return require_node(node, absolute(options.node_name), options.timeout, options.include_hidden_nodes)


def _with_reason(text: str, result: Any) -> str:
    return f"{text}: {result.reason}" if result.reason else text


def _call(node: Node, service_type: Any, name: str, request: Any, node_name: str) -> Any:
    client = node.create_client(service_type, f"{node_name}/{name}")
    if not client.wait_for_service(timeout_sec=_ANSWER_SECONDS):
        raise CommandError(f"Wait for service timed out waiting for parameter services for node {node_name}")
    response = spin_for_result(node, client.call_async(request), _ANSWER_SECONDS, f"node '{node_name}'")
    node.destroy_client(client)
    return response


def _names(node: Node, node_name: str, prefixes: list[str] | None = None) -> list[str]:
    request = ListParameters.Request(prefixes=prefixes or [])
    return sorted(_call(node, ListParameters, "list_parameters", request, node_name).result.names)


def _values(node: Node, node_name: str, names: list[str]) -> list[Any]:
    return _call(node, GetParameters, "get_parameters", GetParameters.Request(names=names), node_name).values


def _descriptors(node: Node, node_name: str, names: list[str]) -> list[ParameterDescriptor]:
    request = DescribeParameters.Request(names=names)
    return _call(node, DescribeParameters, "describe_parameters", request, node_name).descriptors


def _set_one(node: Node, node_name: str, parameter: ParameterMessage) -> Any:
    request = SetParameters.Request(parameters=[parameter])
    return _call(node, SetParameters, "set_parameters", request, node_name).results[0]
