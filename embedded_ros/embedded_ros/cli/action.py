"""`ros2-embedded action list|type|info|send_goal`."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import Any

import rclpy
from action_msgs.msg import GoalStatus
from rclpy.action import (
    ActionClient,
    get_action_client_names_and_types_by_node,
    get_action_names_and_types,
    get_action_server_names_and_types_by_node,
)
from rclpy.node import Node
from rclpy.signals import uninstall_signal_handlers
from rclpy.task import Future

from embedded_ros.cli.errors import CommandError
from embedded_ros.cli.graph import absolute, add_node_arguments, command_node, discovered_graph, full_node_name
from embedded_ros.cli.listing import print_names_and_types, print_types
from embedded_ros.cli.message_text import to_yaml
from embedded_ros.cli.messages import fill, interface, parse_yaml_fields

_STATUSES = {
    GoalStatus.STATUS_ACCEPTED: "ACCEPTED",
    GoalStatus.STATUS_EXECUTING: "EXECUTING",
    GoalStatus.STATUS_CANCELING: "CANCELING",
    GoalStatus.STATUS_SUCCEEDED: "SUCCEEDED",
    GoalStatus.STATUS_CANCELED: "CANCELED",
    GoalStatus.STATUS_ABORTED: "ABORTED",
}


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="verb", required=True)
    listing = verbs.add_parser("list", help="the names of all actions")
    listing.add_argument("-t", "--show-types", action="store_true", help="with their types")
    listing.add_argument("-c", "--count-actions", action="store_true", help="only how many there are")
    listing.set_defaults(run=_list)
    type_ = verbs.add_parser("type", help="an action's type")
    type_.add_argument("action_name")
    type_.set_defaults(run=_type)
    info = verbs.add_parser("info", help="the clients and servers of an action")
    info.add_argument("action_name")
    info.add_argument("-t", "--show-types", action="store_true", help="with the types that they have")
    info.add_argument("-c", "--count", action="store_true", help="only how many there are")
    info.set_defaults(run=_info)
    send_goal = verbs.add_parser("send_goal", help="send a goal and wait for its result; Ctrl-C cancels it")
    send_goal.add_argument("action_name")
    send_goal.add_argument("action_type", help="such as control_msgs/action/GripperCommand")
    values = send_goal.add_mutually_exclusive_group()
    values.add_argument("goal", nargs="?", default="{}", help='in YAML, such as "{command: {position: 0.04}}"')
    values.add_argument("--stdin", action="store_true", help="read the goal from standard input")
    send_goal.add_argument("-f", "--feedback", action="store_true", help="print the goal's feedback")
    send_goal.set_defaults(run=_send_goal)
    for verb in (listing, type_, info, send_goal):
        add_node_arguments(verb)


def _list(options: argparse.Namespace) -> None:
    with discovered_graph(options) as node:
        actions = get_action_names_and_types(node)
    print_names_and_types(actions, options.show_types, options.count_actions)


def _type(options: argparse.Namespace) -> int:
    with discovered_graph(options) as node:
        actions = get_action_names_and_types(node)
    return print_types(actions, absolute(options.action_name))


def _info(options: argparse.Namespace) -> None:
    action = absolute(options.action_name)
    with discovered_graph(options) as node:
        nodes = sorted(node.get_node_names_and_namespaces())
        sides = {
            "clients": [(of, dict(get_action_client_names_and_types_by_node(node, *of))) for of in nodes],
            "servers": [(of, dict(get_action_server_names_and_types_by_node(node, *of))) for of in nodes],
        }
    print(f"Action: {options.action_name}")
    for side, actions_of_nodes in sides.items():
        found = [(full_node_name(*of), actions[action]) for of, actions in actions_of_nodes if action in actions]
        print(f"Action {side}: {len(found)}")
        if not options.count:
            for name, types in found:
                print(f"    {name} [{', '.join(types)}]" if options.show_types else f"    {name}")


def _send_goal(options: argparse.Namespace) -> None:
    action_type = interface(options.action_type, "action")
    goal = action_type.Goal()
    fill(goal, parse_yaml_fields(sys.stdin.read() if options.stdin else options.goal))
    name = f"_ros2cli_send_goal_{options.action_type.replace('/', '_')}"
    with command_node(options, name) as node:
        uninstall_signal_handlers()  # Ctrl-C must leave the graph as it is: the goal is still to be cancelled
        client = ActionClient(node, action_type, absolute(options.action_name))
        print("Waiting for an action server to become available...", flush=True)
        client.wait_for_server()
        print(f"Sending goal:\n     {to_yaml(goal)}", flush=True)
        with _Interrupt() as interrupt:
            sent = client.send_goal_async(goal, _print_feedback if options.feedback else None)
            try:
                _follow(node, sent, interrupt)
            except KeyboardInterrupt:
                _cancel(node, sent, interrupt)
                raise


class _Interrupt:
    """Ctrl-C, noted when it comes and raised where it breaks nothing off halfway."""

    def __enter__(self) -> _Interrupt:
        self._came = False
        self._previous = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def _note(self, number: int, frame: object) -> None:
        self._came = True

    def check(self) -> None:
        if self._came:
            self._came = False
            raise KeyboardInterrupt


def _follow(node: Node, sent: Future, interrupt: _Interrupt) -> None:
    goal_handle = _wait(node, sent, interrupt)
    if not goal_handle.accepted:
        print("Goal was rejected.")
        return
    print(f"Goal accepted with ID: {bytes(goal_handle.goal_id.uuid).hex()}\n", flush=True)
    response = _wait(node, goal_handle.get_result_async(), interrupt)
    print(f"Result:\n    {to_yaml(response.result)}")
    print(f"Goal finished with status: {_STATUSES.get(response.status, 'UNKNOWN')}")


def _cancel(node: Node, sent: Future, interrupt: _Interrupt) -> None:
    goal_handle = _wait(node, sent, interrupt)
    if not goal_handle.accepted:
        return
    print("Canceling goal...", flush=True)
    if not _wait(node, goal_handle.cancel_goal_async(), interrupt).goals_canceling:
        raise CommandError("Failed to cancel goal")
    print("Goal canceled.")


def _wait(node: Node, future: Future, interrupt: _Interrupt) -> Any:
    while not future.done():
        interrupt.check()
        rclpy.spin_until_future_complete(node, future, timeout_sec=0.1)
    return future.result()


def _print_feedback(message: Any) -> None:
    print(f"Feedback:\n    {to_yaml(message.feedback)}", flush=True)
