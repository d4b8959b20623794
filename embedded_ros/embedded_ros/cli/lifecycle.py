"""`ros2-embedded lifecycle nodes|get|set|list`."""

from __future__ import annotations

import argparse
from typing import Any

from lifecycle_msgs.srv import ChangeState, GetAvailableTransitions, GetState
from rclpy.node import Node

from embedded_ros.cli.errors import CommandError
from embedded_ros.cli.graph import absolute, add_node_arguments, discovered_graph, node_names, spin_for_result
from embedded_ros.cli.listing import print_names

_ANSWER_SECONDS = 10.0
# A transition runs the node's own code: loading a policy takes its time.
_TRANSITION_SECONDS = 300.0


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="verb", required=True)
    nodes = verbs.add_parser("nodes", help="the nodes that have a lifecycle")
    nodes.add_argument("-c", "--count-nodes", action="store_true", help="only how many there are")
    nodes.set_defaults(run=_nodes)
    get = verbs.add_parser("get", help="the state of a node, or of all")
    get.add_argument("node_name", nargs="?")
    get.set_defaults(run=_get)
    set_ = verbs.add_parser("set", help="trigger a transition")
    set_.add_argument("node_name")
    set_.add_argument("transition", help="its name or number, such as configure")
    set_.set_defaults(run=_set)
    listing = verbs.add_parser("list", help="the transitions that are possible now")
    listing.add_argument("node_name")
    listing.add_argument("-a", "--all", action="store_true", help="from every state")
    listing.set_defaults(run=_list)
    for verb in (get, set_, listing):
        verb.add_argument("--include-hidden-nodes", action="store_true", help="hidden nodes, too")
    nodes.add_argument("-a", "--all", action="store_true", dest="include_hidden_nodes", help="hidden nodes, too")
    for verb in (nodes, get, set_, listing):
        add_node_arguments(verb)


def _lifecycle_nodes(node: Node, options: argparse.Namespace) -> list[str]:
    services = dict(node.get_service_names_and_types())
    return [
        name
        for name in node_names(node, options.include_hidden_nodes)
        if "lifecycle_msgs/srv/GetState" in services.get(f"{name}/get_state", [])
    ]


def _require(node: Node, options: argparse.Namespace) -> str:
    name = absolute(options.node_name)
    if name not in _lifecycle_nodes(node, options):
        raise CommandError("Node not found")
    return name


def _nodes(options: argparse.Namespace) -> None:
    with discovered_graph(options) as node:
        names = _lifecycle_nodes(node, options)
    print_names(names, options.count_nodes)


def _get(options: argparse.Namespace) -> None:
    with discovered_graph(options) as node:
        if options.node_name is not None:
            state = _call(node, GetState, _require(node, options), "get_state").current_state
            print(f"{state.label} [{state.id}]")
            return
        for name in _lifecycle_nodes(node, options):
            state = _call(node, GetState, name, "get_state").current_state
            print(f"{name}: {state.label} [{state.id}]")


def _set(options: argparse.Namespace) -> None:
    with discovered_graph(options) as node:
        name = _require(node, options)
        available = [each.transition for each in _transitions(node, name, "get_available_transitions")]
        wanted = [each for each in available if options.transition in (each.label, str(each.id))]
        if not wanted:
            known = "".join(f"\n- {each.label} [{each.id}]" for each in available)
            raise CommandError(f"Unknown transition requested, available ones are:{known}")
        request = ChangeState.Request(transition=wanted[0])
        if not _call(node, ChangeState, name, "change_state", request, _TRANSITION_SECONDS).success:
            raise CommandError("Transitioning failed")
    print("Transitioning successful")


def _list(options: argparse.Namespace) -> None:
    with discovered_graph(options) as node:
        service = "get_transition_graph" if options.all else "get_available_transitions"
        transitions = _transitions(node, _require(node, options), service)
    for each in transitions:
        print(
            f"- {each.transition.label} [{each.transition.id}]\n"
            f"\tStart: {each.start_state.label}\n\tGoal: {each.goal_state.label}"
        )


def _transitions(node: Node, name: str, service: str) -> list[Any]:
    return _call(node, GetAvailableTransitions, name, service).available_transitions


def _call(
    node: Node, service_type: Any, name: str, service: str, request: Any = None, patience: float = _ANSWER_SECONDS
) -> Any:
    client = node.create_client(service_type, f"{name}/{service}")
    if not client.wait_for_service(timeout_sec=_ANSWER_SECONDS):
        raise CommandError(f"node '{name}' does not offer its service '{service}'")
    return spin_for_result(node, client.call_async(request or service_type.Request()), patience, f"node '{name}'")
