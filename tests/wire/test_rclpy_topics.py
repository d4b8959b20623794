"""Publishers and subscriptions."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.exceptions import InvalidHandle
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import String


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


def test_wrong_types_and_destroyed_publishers_are_refused(graph) -> None:
    node = graph.node("node")
    publisher = node.create_publisher(String, "a", 10)
    with pytest.raises(TypeError, match="Expected"):
        publisher.publish("text")
    with pytest.raises(AttributeError):
        node.create_publisher(str, "a", 10)
    with pytest.raises(TypeError, match="Expected QoSProfile or int"):
        node.create_publisher(String, "a", "10")
    assert node.destroy_publisher(publisher)
    assert not node.destroy_publisher(publisher)
    with pytest.raises(InvalidHandle):
        publisher.publish(String())


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
        try:
            graph.spin_until(lambda: matches == [1] and "victim" in node.get_node_names())
        finally:
            child.kill()
    graph.spin_until(lambda: matches == [1, 0])
    graph.spin_until(lambda: node.get_node_names() == ["witness"])
    assert subscription.get_publisher_count() == node.count_publishers("last_words") == 0
