"""Events of publishers and subscriptions: what of them is the embedded runtime's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import rclpy
from helpers.domain import own_domain
from rcl_interfaces.msg import Log
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks, UnsupportedEventTypeError
from rclpy.executors import MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import String


@pytest.fixture
def node() -> Iterator[Node]:
    context = Context()
    rclpy.init(args=[], context=context, domain_id=own_domain())
    yield rclpy.create_node("node", context=context)
    rclpy.try_shutdown(context=context)


def spin_until(executor, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < deadline
        executor.spin_once(timeout_sec=0.02)


def test_a_differing_type_cannot_be_told_of_and_such_an_endpoint_is_not_made(node: Node) -> None:
    def ignore(event: object) -> None:
        pass

    before = node.get_topic_names_and_types()
    with pytest.raises(UnsupportedEventTypeError, match="RCL_PUBLISHER_INCOMPATIBLE_TYPE"):
        node.create_publisher(String, "a", 1, event_callbacks=PublisherEventCallbacks(incompatible_type=ignore))
    callbacks = SubscriptionEventCallbacks(incompatible_type=ignore)
    with pytest.raises(UnsupportedEventTypeError, match="RCL_SUBSCRIPTION_INCOMPATIBLE_TYPE"):
        node.create_subscription(String, "a", ignore, 1, event_callbacks=callbacks)
    assert node.get_topic_names_and_types() == before


def test_rosout_does_not_speak_of_itself(node: Node, capfd: pytest.CaptureFixture[str]) -> None:
    """A warning about /rosout would be another message on it."""
    hasty = QoSProfile(depth=1, deadline=Duration(seconds=1))
    told: list = []
    callbacks = SubscriptionEventCallbacks(incompatible_qos=told.append)
    node.create_subscription(Log, "/rosout", lambda message: None, hasty, event_callbacks=callbacks)
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    spin_until(executor, lambda: told)
    for _ in range(5):
        executor.spin_once(timeout_sec=0.02)
    assert capfd.readouterr().err == ""
    executor.shutdown()


def test_messages_and_events_of_one_subscription_do_not_get_in_each_others_way(node: Node) -> None:
    received: list[str] = []
    matches: list = []
    callbacks = SubscriptionEventCallbacks(matched=matches.append)
    node.create_subscription(String, "a", lambda m: received.append(m.data), 100, event_callbacks=callbacks)
    executor = MultiThreadedExecutor(2, context=node.context)
    executor.add_node(node)
    for number in range(20):
        publisher = node.create_publisher(String, "a", 100)
        publisher.publish(String(data=str(number)))
        spin_until(executor, lambda number=number: len(received) == number + 1)
        node.destroy_publisher(publisher)
    spin_until(executor, lambda: matches and matches[-1].current_count == 0)
    assert received == [str(number) for number in range(20)]
    assert sum(event.total_count_change for event in matches) == 20
    assert sum(event.current_count_change for event in matches) == 0
    executor.shutdown()
