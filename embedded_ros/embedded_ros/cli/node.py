"""`ros2-embedded node list`."""

from __future__ import annotations

import argparse

from embedded_ros.cli.graph import command_node, node_names, wait_for_discovery


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="verb", required=True)
    verbs.add_parser("list", help="the names of all nodes").set_defaults(run=_list)


def _list(options: argparse.Namespace) -> None:
    with command_node() as node:
        wait_for_discovery()
        for name in node_names(node):
            print(name)
