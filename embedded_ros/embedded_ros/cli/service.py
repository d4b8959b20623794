"""`ros2-embedded service list|type|find|info|call`."""

from __future__ import annotations

import argparse
import sys
import time

import rclpy
from rclpy.node import Node

from embedded_ros.cli.argument_types import not_negative, positive
from embedded_ros.cli.errors import CommandError
from embedded_ros.cli.graph import (
    NamesAndTypes,
    absolute,
    add_node_arguments,
    command_node,
    discovered_graph,
    require_context,
    spin_for_result,
    visible,
)
from embedded_ros.cli.listing import print_names, print_names_and_types, print_types
from embedded_ros.cli.messages import fill, interface, parse_yaml_fields


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="verb", required=True)
    listing = verbs.add_parser("list", help="the names of all services")
    listing.add_argument("-t", "--show-types", action="store_true", help="with their types")
    listing.set_defaults(run=_list)
    type_ = verbs.add_parser("type", help="a service's type")
    type_.add_argument("service_name")
    type_.set_defaults(run=_type)
    find = verbs.add_parser("find", help="the services of a type")
    find.add_argument("service_type")
    find.set_defaults(run=_find)
    info = verbs.add_parser("info", help="a service's type and how many call and serve it")
    info.add_argument("service_name")
    info.set_defaults(run=_info)
    call = verbs.add_parser("call", help="call a service and print its answer")
    call.add_argument("service_name")
    call.add_argument("service_type", help="such as std_srvs/srv/Trigger")
    values = call.add_mutually_exclusive_group()
    values.add_argument("values", nargs="?", default="{}", help='the request in YAML, such as "{data: true}"')
    values.add_argument("--stdin", action="store_true", help="read the request from standard input")
    call.add_argument("-r", "--rate", type=positive, metavar="N", help="repeat the call N times a second")
    call.add_argument("--timeout", type=not_negative, help="seconds to wait for it and its answer [for ever]")
    call.set_defaults(run=_call)
    for verb in (listing, find):
        verb.add_argument("-c", "--count-services", action="store_true", help="only how many there are")
    for verb in (listing, type_, find, info):
        verb.add_argument("--include-hidden-services", action="store_true", help="hidden services, too")
    for verb in (listing, type_, find, info, call):
        add_node_arguments(verb)


def _services(node: Node, options: argparse.Namespace) -> NamesAndTypes:
    return visible(node.get_service_names_and_types(), options.include_hidden_services)


def _list(options: argparse.Namespace) -> None:
    with discovered_graph(options) as node:
        services = _services(node, options)
    print_names_and_types(services, options.show_types, options.count_services)


def _type(options: argparse.Namespace) -> int:
    with discovered_graph(options) as node:
        services = _services(node, options)
    return print_types(services, absolute(options.service_name))


def _find(options: argparse.Namespace) -> None:
    with discovered_graph(options) as node:
        found = [name for name, types in _services(node, options) if options.service_type in types]
    print_names(found, options.count_services)


def _info(options: argparse.Namespace) -> None:
    name = absolute(options.service_name)
    with discovered_graph(options) as node:
        types = dict(_services(node, options)).get(name)
        if types is None:
            raise CommandError(f"Unknown service '{name}'")
        print(f"Type: {types[0] if len(types) == 1 else types}")
        print(f"Clients count: {node.count_clients(name)}")
        print(f"Services count: {node.count_services(name)}")


def _call(options: argparse.Namespace) -> None:
    service_type = interface(options.service_type, "srv")
    request = service_type.Request()
    fill(request, parse_yaml_fields(sys.stdin.read() if options.stdin else options.values))
    name = absolute(options.service_name)
    package, _, short = options.service_type.partition("/")
    with command_node(options, f"_ros2cli_requester_{package}_{short.rpartition('/')[2]}") as node:
        client = node.create_client(service_type, name)
        if not client.wait_for_service(timeout_sec=options.spin_time):
            print("waiting for service to become available...", flush=True)
            if not client.wait_for_service(timeout_sec=options.timeout):
                require_context()
                raise CommandError(f"service '{name}' is not available on this graph")
        while rclpy.ok():
            called = time.monotonic()
            print(f"requester: making request: {request!r}\n")
            response = spin_for_result(node, client.call_async(request), options.timeout, f"service '{name}'")
            print(f"response:\n{response!r}\n", flush=True)
            if options.rate is None:
                return
            time.sleep(max(0.0, called + 1.0 / options.rate - time.monotonic()))
