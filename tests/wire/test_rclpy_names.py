"""Names of nodes, topics and services: what they may be, how they expand, and what remapping makes of them."""

from __future__ import annotations

import pytest
import rclpy
from rclpy.context import Context
from rclpy.exceptions import (
    InvalidNamespaceException,
    InvalidNodeNameException,
    InvalidServiceNameException,
    InvalidTopicNameException,
)
from rclpy.node import Node
from rclpy.utilities import remove_ros_args
from std_msgs.msg import String
from std_srvs.srv import Trigger


def remapped(graph, *rules: str, name: str = "node", namespace: str = "/ns") -> Node:
    arguments = [word for rule in rules for word in ("-r", rule)]
    return graph.node(name, namespace=namespace, cli_args=["--ros-args", *arguments])


@pytest.mark.parametrize("name", ["", "a b", "1a", "a/b", "a-b", "~", "a.b"])
def test_bad_node_names_are_refused(graph, name: str) -> None:
    with pytest.raises(InvalidNodeNameException):
        graph.node(name)


@pytest.mark.parametrize("namespace", ["/a b", "/1a", "/a//b", "/a/", "/~"])
def test_bad_namespaces_are_refused(graph, namespace: str) -> None:
    with pytest.raises(InvalidNamespaceException):
        graph.node("node", namespace=namespace)


@pytest.mark.parametrize(
    ("namespace", "absolute", "full"),
    [("", "/", "/node"), ("/", "/", "/node"), ("a", "/a", "/a/node"), ("/a/b", "/a/b", "/a/b/node")],
)
def test_a_namespace_is_absolute(graph, namespace: str, absolute: str, full: str) -> None:
    node = graph.node("node", namespace=namespace)
    assert (node.get_namespace(), node.get_fully_qualified_name()) == (absolute, full)


@pytest.mark.parametrize(
    ("name", "expanded"),
    [
        ("a", "/ns/a"),
        ("a/b", "/ns/a/b"),
        ("/a", "/a"),
        ("~/a", "/ns/node/a"),
        ("~", "/ns/node"),
        ("{node}/a", "/ns/node/a"),
        ("{ns}/a", "/ns/a"),
    ],
)
def test_names_are_expanded_by_namespace_and_node(graph, name: str, expanded: str) -> None:
    node = graph.node("node", namespace="/ns")
    assert node.resolve_topic_name(name) == expanded
    assert node.resolve_service_name(name) == expanded


def test_publishers_subscriptions_and_services_have_expanded_names(graph) -> None:
    node = graph.node("node", namespace="/ns")
    assert node.create_publisher(String, "a", 10).topic_name == "/ns/a"
    assert node.create_subscription(String, "~/a", lambda message: None, 10).topic_name == "/ns/node/a"
    assert node.create_service(Trigger, "a", lambda request, response: response).service_name == "/ns/a"
    assert node.create_client(Trigger, "/a").service_name == "/a"


@pytest.mark.parametrize("name", ["", "a b", "1a", "a//b", "a/", "a~", "/a/1b", "a-b", "a{node"])
def test_bad_topic_names_are_refused(graph, name: str) -> None:
    with pytest.raises(InvalidTopicNameException):
        graph.node("node").create_publisher(String, name, 10)


@pytest.mark.parametrize("name", ["", "a b", "1a", "a//b", "a/"])
def test_bad_service_names_are_refused(graph, name: str) -> None:
    with pytest.raises(InvalidServiceNameException):
        graph.node("node").create_client(Trigger, name)


@pytest.mark.parametrize(
    ("rule", "name", "resolved"),
    [
        ("a:=b", "a", "/ns/b"),
        ("a:=b", "c", "/ns/c"),
        ("a:=/far/b", "a", "/far/b"),
        ("/ns/a:=b", "a", "/ns/b"),
        ("a:=b", "/ns/a", "/ns/b"),
        ("a:=b", "/a", "/a"),
        ("~/a:=b", "~/a", "/ns/b"),
        ("a:=~/b", "a", "/ns/node/b"),
        ("/a:=/b", "/a", "/b"),
    ],
)
def test_a_rule_holds_for_names_that_expand_alike(graph, rule: str, name: str, resolved: str) -> None:
    assert remapped(graph, rule).resolve_topic_name(name) == resolved


def test_the_first_rule_that_fits_holds(graph) -> None:
    assert remapped(graph, "a:=first", "a:=second").resolve_topic_name("a") == "/ns/first"


def test_a_remapped_name_is_not_remapped_again(graph) -> None:
    assert remapped(graph, "a:=b", "b:=c").resolve_topic_name("a") == "/ns/b"


def test_a_rule_can_be_of_one_node(graph) -> None:
    assert remapped(graph, "node:a:=b").resolve_topic_name("a") == "/ns/b"
    assert remapped(graph, "other:a:=b").resolve_topic_name("a") == "/ns/a"


def test_a_rule_holds_for_topics_and_services(graph) -> None:
    node = remapped(graph, "a:=b")
    assert (node.resolve_topic_name("a"), node.resolve_service_name("a")) == ("/ns/b", "/ns/b")


def test_a_rule_can_be_of_topics_or_of_services(graph) -> None:
    node = remapped(graph, "rostopic://a:=topic", "rosservice://a:=service")
    assert (node.resolve_topic_name("a"), node.resolve_service_name("a")) == ("/ns/topic", "/ns/service")


def test_names_can_be_expanded_only(graph) -> None:
    assert remapped(graph, "a:=b").resolve_topic_name("a", only_expand=True) == "/ns/a"


def test_messages_take_the_remapped_way(graph) -> None:
    received: list[str] = []
    remapped(graph, "in:=way").create_subscription(String, "in", lambda m: received.append(m.data), 10)
    publisher = remapped(graph, "out:=way", name="other").create_publisher(String, "out", 10)
    graph.spin_until(publisher.get_subscription_count)
    publisher.publish(String(data="x"))
    graph.spin_until(lambda: received)
    assert (publisher.topic_name, received) == ("/ns/way", ["x"])


def test_counting_does_not_remap(graph) -> None:
    node = remapped(graph, "a:=b")
    node.create_publisher(String, "a", 10)
    graph.spin_until(lambda: node.count_publishers("b") == 1)
    assert node.count_publishers("a") == 0


def test_a_node_is_renamed(graph) -> None:
    node = remapped(graph, "__node:=arm")
    assert node.get_fully_qualified_name() == "/ns/arm"
    assert node.resolve_topic_name("~/a") == "/ns/arm/a"


def test_a_nodes_namespace_is_replaced(graph) -> None:
    node = remapped(graph, "__ns:=/left")
    assert node.get_fully_qualified_name() == "/left/node"
    assert node.resolve_topic_name("a") == "/left/a"


def test_the_loggers_name_follows(graph) -> None:
    assert remapped(graph, "__node:=arm", "__ns:=/left").get_logger().name == "left.arm"


def test_a_node_is_renamed_by_a_rule_of_its_own(graph) -> None:
    assert remapped(graph, "other:__node:=wrong", "node:__node:=right").get_name() == "right"


def test_a_nodes_own_rules_come_before_the_processs(graph) -> None:
    context = Context()
    process = ["--ros-args", "-r", "a:=process", "-r", "b:=process", "-r", "__ns:=/ns"]
    rclpy.init(args=process, context=context, domain_id=graph.domain_id)
    try:
        node = rclpy.create_node("node", context=context, cli_args=["--ros-args", "-r", "a:=own"])
        assert [node.resolve_topic_name(name) for name in "ab"] == ["/ns/own", "/ns/process"]
        alone = rclpy.create_node("alone", context=context, use_global_arguments=False)
        assert alone.resolve_topic_name("a") == "/a"
    finally:
        rclpy.try_shutdown(context=context)


def test_programs_see_their_arguments_without_those_of_ros() -> None:
    arguments = ["program", "first", "--ros-args", "-r", "a:=b", "--", "last"]
    assert remove_ros_args(arguments) == ["program", "first", "last"]
    assert remove_ros_args(["program", "--ros-args", "-p", "a:=1"]) == ["program"]
