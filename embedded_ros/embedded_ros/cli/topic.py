"""`ros2-embedded topic list|type|find|info|echo|hz|delay|bw|pub`."""

from __future__ import annotations

import argparse

from rclpy.node import Node

from embedded_ros.cli import topic_echo, topic_measure, topic_pub
from embedded_ros.cli.errors import CommandError
from embedded_ros.cli.graph import NamesAndTypes, absolute, add_node_arguments, discovered_graph, visible
from embedded_ros.cli.listing import print_names, print_names_and_types, print_types


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="verb", required=True)
    listing = verbs.add_parser("list", help="the names of all topics")
    listing.add_argument("-t", "--show-types", action="store_true", help="with their types")
    listing.add_argument("-v", "--verbose", action="store_true", help="with types and counts, by direction")
    listing.set_defaults(run=_list)
    type_ = verbs.add_parser("type", help="a topic's type")
    type_.add_argument("topic_name")
    type_.set_defaults(run=_type)
    find = verbs.add_parser("find", help="the topics of a type")
    find.add_argument("topic_type")
    find.set_defaults(run=_find)
    info = verbs.add_parser("info", help="a topic's type and how many publish and subscribe")
    info.add_argument("topic_name")
    info.add_argument("-v", "--verbose", action="store_true", help="each endpoint's node, type hash, GID and QoS")
    info.set_defaults(run=_info)
    for verb in (listing, find):
        verb.add_argument("-c", "--count-topics", action="store_true", help="only how many there are")
    for verb in (listing, type_, find):
        verb.add_argument("--include-hidden-topics", action="store_true", help="hidden topics, too")
    for verb in (listing, type_, find, info):
        add_node_arguments(verb)
    topic_echo.configure(verbs.add_parser("echo", help="print a topic's messages"))
    topic_measure.configure(verbs)
    topic_pub.configure(verbs.add_parser("pub", help="publish messages"))


def _topics(node: Node, options: argparse.Namespace) -> NamesAndTypes:
    return visible(node.get_topic_names_and_types(), options.include_hidden_topics)


def _list(options: argparse.Namespace) -> None:
    with discovered_graph(options) as node:
        topics = _topics(node, options)
        if options.verbose and not options.count_topics:
            print(_counted("Published", "publisher", topics, node.count_publishers))
            print(_counted("Subscribed", "subscriber", topics, node.count_subscribers))
        else:
            print_names_and_types(topics, options.show_types, options.count_topics)


def _counted(title: str, role: str, topics: NamesAndTypes, count_of) -> str:
    lines = [f"{title} topics:"]
    for name, types in topics:
        if count := count_of(name):
            lines.append(f" * {name} [{', '.join(types)}] {count} {role}{'s' if count > 1 else ''}")
    return "\n".join(lines) + "\n"


def _type(options: argparse.Namespace) -> int:
    with discovered_graph(options) as node:
        topics = _topics(node, options)
    return print_types(topics, absolute(options.topic_name))


def _find(options: argparse.Namespace) -> None:
    with discovered_graph(options) as node:
        found = [name for name, types in _topics(node, options) if options.topic_type in types]
    print_names(found, options.count_topics)


def _info(options: argparse.Namespace) -> None:
    topic = absolute(options.topic_name)
    with discovered_graph(options) as node:
        types = dict(node.get_topic_names_and_types()).get(topic)
        if types is None:
            raise CommandError(f"Unknown topic '{topic}'")
        publishers = node.get_publishers_info_by_topic(topic)
        subscriptions = node.get_subscriptions_info_by_topic(topic)
    lines = [f"Type: {types[0] if len(types) == 1 else types}"]
    for title, endpoints in (("Publisher", publishers), ("Subscription", subscriptions)):
        lines.append(f"{title} count: {len(endpoints)}")
        if options.verbose:
            lines += map(str, endpoints)
    for line in lines:
        print(line, end="\n\n" if options.verbose else "\n")
