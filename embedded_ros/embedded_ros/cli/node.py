"""`ros2-embedded node list|info`."""

from __future__ import annotations

import argparse
import sys

from rclpy.action import get_action_client_names_and_types_by_node, get_action_server_names_and_types_by_node

from embedded_ros.cli.errors import CommandError
from embedded_ros.cli.graph import (
    NamesAndTypes,
    absolute,
    add_node_arguments,
    discovered_graph,
    node_names,
    split_node_name,
    visible,
)


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="verb", required=True)
    listing = verbs.add_parser("list", help="the names of all nodes")
    add_node_arguments(listing)
    listing.add_argument("-a", "--all", action="store_true", help="hidden nodes, too")
    listing.add_argument("-c", "--count-nodes", action="store_true", help="only how many there are")
    listing.set_defaults(run=_list)
    info = verbs.add_parser("info", help="what a node publishes, subscribes to, serves and calls")
    add_node_arguments(info)
    info.add_argument("node_name")
    info.add_argument("--include-hidden", action="store_true", help="hidden topics, services and actions, too")
    info.set_defaults(run=_info)


def _list(options: argparse.Namespace) -> None:
    with discovered_graph(options) as node:
        names = node_names(node, options.all)
    if options.count_nodes:
        print(len(names))
        return
    if len(set(names)) < len(names):
        print(
            "WARNING: Be aware that there are nodes in the graph that share an exact name, "
            "which can have unintended side effects.",
            file=sys.stderr,
        )
    for name in names:
        print(name)


def _info(options: argparse.Namespace) -> None:
    full_name = absolute(options.node_name)
    name, namespace = split_node_name(full_name)
    with discovered_graph(options) as node:
        count = node_names(node, options.include_hidden).count(full_name)
        if not count:
            raise CommandError(f"Unable to find node '{full_name}'")
        if count > 1:
            print(
                f'There are {count} nodes in the graph with the exact name "{full_name}". '
                "You are seeing information about only one of them.",
                file=sys.stderr,
            )
        subscribers = node.get_subscriber_names_and_types_by_node(name, namespace)
        publishers = node.get_publisher_names_and_types_by_node(name, namespace)
        servers = node.get_service_names_and_types_by_node(name, namespace)
        clients = node.get_client_names_and_types_by_node(name, namespace)
        action_servers = get_action_server_names_and_types_by_node(node, name, namespace)
        action_clients = get_action_client_names_and_types_by_node(node, name, namespace)
    print(full_name)
    for title, found in (
        ("Subscribers", subscribers),
        ("Publishers", publishers),
        ("Service Servers", servers),
        ("Service Clients", clients),
        ("Action Servers", action_servers),
        ("Action Clients", action_clients),
    ):
        print(f"  {title}:")
        print(_lines(visible(found, options.include_hidden)))


def _lines(found: NamesAndTypes) -> str:
    """One line each; an empty section is an empty line, as `ros2` prints it."""
    return "\n".join(f"    {name}: {', '.join(types)}" for name, types in found)
