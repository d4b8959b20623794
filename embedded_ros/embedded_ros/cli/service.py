"""`ros2-embedded service call NAME TYPE [VALUES]`."""

from __future__ import annotations

import argparse

from embedded_ros.cli.errors import CommandError
from embedded_ros.cli.graph import absolute, command_node, spin_for_result
from embedded_ros.cli.messages import fill, interface, parse_yaml_fields


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="verb", required=True)
    call = verbs.add_parser("call", help="call a service and print its answer")
    call.add_argument("service_name")
    call.add_argument("service_type", help="such as std_srvs/srv/Trigger")
    call.add_argument("values", nargs="?", default="{}", help='the request in YAML, such as "{data: true}"')
    call.add_argument("--timeout", type=float, default=10.0, help="seconds to wait for service and answer [10]")
    call.set_defaults(run=_call)


def _call(options: argparse.Namespace) -> None:
    service_type = interface(options.service_type, "srv")
    request = service_type.Request()
    fill(request, parse_yaml_fields(options.values))
    name = absolute(options.service_name)
    with command_node() as node:
        client = node.create_client(service_type, name)
        if not client.wait_for_service(timeout_sec=0.5):
            print("waiting for service to become available...")
            if not client.wait_for_service(timeout_sec=options.timeout):
                raise CommandError(f"service '{name}' is not available on this graph")
        print(f"requester: making request: {request!r}\n")
        response = spin_for_result(node, client.call_async(request), options.timeout, f"service '{name}'")
    print(f"response:\n{response!r}\n")
