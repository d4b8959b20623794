"""Publishers, subscriptions, names and the graph."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.exceptions import InvalidHandle, NoTypeSupportImportedException
from rclpy.node import NodeNameNonExistentError
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    InvalidQoSProfileException,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
    qos_profile_sensor_data,
)
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Int32, String

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def test_messages_arrive_in_order_and_equal(graph) -> None:
    received: list[Image] = []
    node = graph.node("camera")
    graph.node("viewer").create_subscription(Image, "depth", received.append, 10)
    publisher = node.create_publisher(Image, "depth", 10)
    graph.spin_until(lambda: publisher.get_subscription_count() == 1)
    sent = [Image(height=1, width=4, step=8, encoding="16UC1", data=bytes([i] * 8)) for i in range(5)]
    for image in sent:
        publisher.publish(image)
    graph.spin_until(lambda: len(received) == 5)
    assert received == sent


def test_a_depth_keeps_the_last_messages(graph) -> None:
    received: list[int] = []
    node = graph.node("node")
    subscription = node.create_subscription(Int32, "number", lambda m: received.append(m.data), 3)
    publisher = node.create_publisher(Int32, "number", 100)
    graph.spin_until(lambda: subscription.get_publisher_count() == 1 and publisher.get_subscription_count() == 1)
    for i in range(10):
        publisher.publish(Int32(data=i))
    graph.spin_until(lambda: received and received[-1] == 9)
    assert received == [7, 8, 9]


def test_transient_local_reaches_late_joiners(graph) -> None:
    received: list[str] = []
    publisher = graph.node("early").create_publisher(String, "map", LATCHED)
    publisher.publish(String(data="old"))
    publisher.publish(String(data="new"))
    graph.node("late").create_subscription(String, "map", lambda m: received.append(m.data), LATCHED)
    graph.spin_until(lambda: received)
    assert received == ["new"]


def test_best_effort_publishers_do_not_match_reliable_subscriptions(graph) -> None:
    node = graph.node("node")
    publisher = node.create_publisher(String, "a", qos_profile_sensor_data)
    reliable = node.create_subscription(String, "a", lambda m: None, 10)
    sensor = node.create_subscription(String, "a", lambda m: None, qos_profile_sensor_data)
    graph.spin_until(lambda: sensor.get_publisher_count() == 1)
    assert reliable.get_publisher_count() == 0
    assert publisher.get_subscription_count() == 1


def test_a_callback_may_ask_for_information_about_the_message(graph) -> None:
    infos: list[dict] = []
    node = graph.node("node")
    node.create_subscription(String, "a", lambda message, info: infos.append(info), 10)
    publisher = node.create_publisher(String, "a", 10)
    graph.spin_until(lambda: publisher.get_subscription_count())
    publisher.publish(String(data="x"))
    graph.spin_until(lambda: infos)
    assert 0 < infos[0]["source_timestamp"] <= infos[0]["received_timestamp"]


def test_raw_subscriptions_and_serialized_publishing(graph) -> None:
    received: list[bytes] = []
    node = graph.node("node")
    node.create_subscription(String, "a", received.append, 10, raw=True)
    publisher = node.create_publisher(String, "a", 10)
    graph.spin_until(lambda: publisher.get_subscription_count())
    publisher.publish(serialize_message(String(data="x")))
    graph.spin_until(lambda: received)
    assert deserialize_message(received[0], String) == String(data="x")


def test_bytes_that_are_no_message_are_dropped_and_logged_once(graph, capfd) -> None:
    received: list[Image] = []
    node = graph.node("node")
    node.create_subscription(Image, "a", received.append, 10)
    publisher = node.create_publisher(Image, "a", 10)
    graph.spin_until(lambda: publisher.get_subscription_count())
    for _ in range(3):
        publisher.publish(b"\0\1\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
    publisher.publish(Image(width=1))
    graph.spin_until(lambda: received)
    assert [image.width for image in received] == [1]
    assert capfd.readouterr().err.count("dropped a message on /a") == 1


def test_wrong_types_and_destroyed_publishers_are_refused(graph) -> None:
    node = graph.node("node")
    publisher = node.create_publisher(String, "a", 10)
    with pytest.raises(TypeError, match="Expected"):
        publisher.publish("text")
    with pytest.raises(NoTypeSupportImportedException):
        node.create_publisher(str, "a", 10)
    with pytest.raises(TypeError, match="Expected QoSProfile or int"):
        node.create_publisher(String, "a", "10")
    assert node.destroy_publisher(publisher)
    assert not node.destroy_publisher(publisher)
    with pytest.raises(InvalidHandle):
        publisher.publish(String())


def test_the_graph_names_nodes_topics_and_types(graph) -> None:
    node = graph.node("one", namespace="/a")
    node.create_publisher(String, "talk", LATCHED)
    other = graph.node("two")
    other.create_subscription(String, "/a/talk", lambda m: None, 10)
    assert set(node.get_node_names_and_namespaces()) == {("one", "/a"), ("two", "/")}
    assert ("/a/talk", ["std_msgs/msg/String"]) in other.get_topic_names_and_types()
    assert (other.count_publishers("/a/talk"), node.count_subscribers("talk")) == (1, 1)
    assert ("/a/talk", ["std_msgs/msg/String"]) in node.get_publisher_names_and_types_by_node("one", "/a")
    assert ("/a/talk", ["std_msgs/msg/String"]) in node.get_subscriber_names_and_types_by_node("two", "/")
    (info,) = other.get_publishers_info_by_topic("/a/talk")
    assert (info.node_name, info.node_namespace, info.topic_type) == ("one", "/a", "std_msgs/msg/String")
    assert info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert info.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    other.destroy_node()
    graph.spin_until(lambda: node.get_node_names() == ["one"])
    assert node.count_subscribers("talk") == 0
    with pytest.raises(NodeNameNonExistentError):
        node.get_publisher_names_and_types_by_node("two", "/")


def test_a_killed_node_leaves_the_graph_once_its_lease_is_over(graph) -> None:
    code = """
        import rclpy
        from std_msgs.msg import String
        rclpy.init()
        node = rclpy.create_node("victim")
        publisher = node.create_publisher(String, "last_words", 10)
        node.create_timer(0.05, lambda: publisher.publish(String(data="alive")))
        rclpy.spin(node)
    """
    matches: list[int] = []
    node = graph.node("witness")
    callbacks = SubscriptionEventCallbacks(matched=lambda event: matches.append(event.current_count))
    subscription = node.create_subscription(String, "last_words", lambda m: None, 10, event_callbacks=callbacks)
    environment = {**os.environ, "ROS_DOMAIN_ID": str(graph.domain_id)}
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], env=environment) as child:
        graph.spin_until(lambda: matches == [1] and "victim" in node.get_node_names())
        child.kill()
    graph.spin_until(lambda: matches == [1, 0])
    graph.spin_until(lambda: node.get_node_names() == ["witness"])
    assert subscription.get_publisher_count() == node.count_publishers("last_words") == 0


def test_profiles_need_a_depth_or_a_history() -> None:
    with pytest.raises(InvalidQoSProfileException):
        QoSProfile()
    with pytest.raises(InvalidQoSProfileException):
        QoSProfile(history=HistoryPolicy.KEEP_LAST)
    assert QoSProfile(depth=1).history == HistoryPolicy.KEEP_LAST
    assert QoSProfile(history=HistoryPolicy.KEEP_ALL).depth == 0
    assert QoSProfile(depth=1) == QoSProfile(depth=1)
    assert QoSProfile(depth=1) != QoSProfile(depth=2)
    with pytest.raises(ValueError, match="Depth"):
        QoSProfile(depth=-1)


def test_compatibility_of_profiles_is_told_with_the_reason() -> None:
    reliable, sensor = QoSProfile(depth=1), qos_profile_sensor_data
    assert qos_check_compatible(reliable, sensor)[0] == QoSCompatibility.OK
    verdict, reason = qos_check_compatible(sensor, reliable)
    assert verdict == QoSCompatibility.ERROR
    assert "Best effort publisher and reliable subscription" in reason
