"""Events of publishers and subscriptions: matched, incompatible QoS, deadlines, liveliness."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
from rclpy.duration import Duration
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.qos import (
    DurabilityPolicy,
    LivelinessPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
)
from std_msgs.msg import Int32, String

VOLATILE = QoSProfile(depth=10)
LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
SHORT = Duration(nanoseconds=200_000_000)


def test_a_publisher_is_told_of_subscriptions_that_come_and_go(graph) -> None:
    events: list = []
    node = graph.node("node")
    node.create_publisher(String, "a", 10, event_callbacks=PublisherEventCallbacks(matched=events.append))
    subscription = node.create_subscription(String, "a", lambda m: None, 10)
    graph.spin_until(lambda: events)
    assert (events[0].total_count, events[0].total_count_change) == (1, 1)
    assert (events[0].current_count, events[0].current_count_change) == (1, 1)
    node.destroy_subscription(subscription)
    graph.spin_until(lambda: len(events) == 2)
    assert (events[1].total_count, events[1].total_count_change) == (1, 0)
    assert (events[1].current_count, events[1].current_count_change) == (0, -1)


def test_a_subscription_is_told_of_publishers_that_come_and_go(graph) -> None:
    events: list = []
    node = graph.node("node")
    callbacks = SubscriptionEventCallbacks(matched=events.append)
    node.create_subscription(String, "a", lambda m: None, 10, event_callbacks=callbacks)
    publisher = node.create_publisher(String, "a", 10)
    graph.spin_until(lambda: events)
    assert (events[0].total_count, events[0].current_count, events[0].current_count_change) == (1, 1, 1)
    node.destroy_publisher(publisher)
    graph.spin_until(lambda: len(events) == 2)
    assert (events[1].total_count, events[1].current_count, events[1].current_count_change) == (1, 0, -1)


def test_a_match_from_before_the_first_spin_is_told(graph) -> None:
    events: list = []
    node = graph.node("node", spun=False)
    callbacks = SubscriptionEventCallbacks(matched=events.append)
    node.create_subscription(String, "a", lambda m: None, 10, event_callbacks=callbacks)
    publisher = node.create_publisher(String, "a", 10)
    graph.spin_until(lambda: publisher.get_subscription_count() == 1)
    graph.executor.add_node(node)
    graph.spin_until(lambda: events)
    assert events[0].current_count == 1


@pytest.mark.parametrize(
    ("offered", "requested", "policy"),
    [
        (VOLATILE, LATCHED, "DURABILITY"),
        (QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT), VOLATILE, "RELIABILITY"),
        (VOLATILE, QoSProfile(depth=1, deadline=SHORT), "DEADLINE"),
        (VOLATILE, QoSProfile(depth=1, liveliness=LivelinessPolicy.MANUAL_BY_TOPIC), "LIVELINESS"),
    ],
    ids=["durability", "reliability", "deadline", "liveliness"],
)
def test_both_sides_are_told_which_policy_is_in_the_way(graph, offered, requested, policy: str) -> None:
    of_publisher: list = []
    of_subscription: list = []
    node = graph.node("node")
    node.create_publisher(
        String, "a", offered, event_callbacks=PublisherEventCallbacks(incompatible_qos=of_publisher.append)
    )
    node.create_subscription(
        String,
        "a",
        lambda m: None,
        requested,
        event_callbacks=SubscriptionEventCallbacks(incompatible_qos=of_subscription.append),
    )
    graph.spin_until(lambda: of_publisher and of_subscription)
    for (event,) in (of_publisher, of_subscription):
        assert (event.total_count, event.total_count_change) == (1, 1)
        assert qos_policy_name_from_kind(event.last_policy_kind) == policy


def test_incompatible_peers_are_warned_of_in_one_line_each_unless_handled(graph, capfd) -> None:
    node = graph.node("node")
    node.create_publisher(String, "a", VOLATILE)
    node.create_subscription(String, "a", lambda m: None, LATCHED)
    handled: list = []
    quiet = SubscriptionEventCallbacks(use_default_callbacks=False)
    own = SubscriptionEventCallbacks(incompatible_qos=handled.append)
    node.create_publisher(String, "b", VOLATILE, event_callbacks=PublisherEventCallbacks(use_default_callbacks=False))
    node.create_subscription(String, "b", lambda m: None, LATCHED, event_callbacks=quiet)
    node.create_subscription(String, "b", lambda m: None, LATCHED, event_callbacks=own)
    lines: list[str] = []
    graph.spin_until(lambda: lines.extend(capfd.readouterr().err.splitlines()) or (handled and len(lines) >= 2))
    for _ in range(5):
        graph.executor.spin_once(timeout_sec=0.02)
    lines += capfd.readouterr().err.splitlines()
    assert {line.partition("[node]: ")[2] for line in lines} == {
        "New publisher discovered on topic 'a', offering incompatible QoS. No messages will be received from it. "
        "Last incompatible policy: DURABILITY",
        "New subscription discovered on topic 'a', requesting incompatible QoS. No messages will be sent to it. "
        "Last incompatible policy: DURABILITY",
    }
    assert len(lines) == 2
    assert all(line.startswith("[WARN]") for line in lines)


def test_a_silent_publisher_misses_its_deadline_on_both_sides(graph) -> None:
    of_publisher: list = []
    of_subscription: list = []
    node = graph.node("node")
    profile = QoSProfile(depth=10, deadline=SHORT)
    publisher = node.create_publisher(
        Int32, "a", profile, event_callbacks=PublisherEventCallbacks(deadline=of_publisher.append)
    )
    node.create_subscription(
        Int32, "a", lambda m: None, profile, event_callbacks=SubscriptionEventCallbacks(deadline=of_subscription.append)
    )
    graph.spin_until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(Int32(data=1))
    graph.spin_until(lambda: len(of_publisher) >= 2 and len(of_subscription) >= 2)
    for events in (of_publisher, of_subscription):
        assert all(event.total_count_change >= 1 for event in events)
        assert events[-1].total_count == sum(event.total_count_change for event in events)


def test_manual_liveliness_is_lost_without_a_sign_of_life_and_comes_back_with_a_message(graph) -> None:
    of_publisher: list = []
    of_subscription: list = []
    node = graph.node("node")
    profile = QoSProfile(depth=1, liveliness=LivelinessPolicy.MANUAL_BY_TOPIC, liveliness_lease_duration=SHORT)
    publisher = node.create_publisher(
        Int32, "a", profile, event_callbacks=PublisherEventCallbacks(liveliness=of_publisher.append)
    )
    node.create_subscription(
        Int32,
        "a",
        lambda m: None,
        profile,
        event_callbacks=SubscriptionEventCallbacks(liveliness=of_subscription.append),
    )
    graph.spin_until(lambda: publisher.get_subscription_count() == 1)
    publisher.assert_liveliness()
    graph.spin_until(lambda: of_publisher and of_subscription and of_subscription[-1].not_alive_count == 1)
    assert (of_publisher[0].total_count, of_publisher[0].total_count_change) == (1, 1)
    assert of_subscription[-1].alive_count == 0
    publisher.publish(Int32())
    graph.spin_until(lambda: of_subscription[-1].alive_count == 1)
    assert of_subscription[-1].not_alive_count == 0


def test_a_killed_publishers_liveliness_is_lost_within_its_lease(graph) -> None:
    code = """
        import rclpy
        from rclpy.duration import Duration
        from rclpy.qos import QoSProfile
        from std_msgs.msg import Int32
        rclpy.init()
        node = rclpy.create_node("child")
        lease = Duration(seconds=1)
        publisher = node.create_publisher(Int32, "a", QoSProfile(depth=1, liveliness_lease_duration=lease))
        rclpy.spin(node)
    """
    events: list = []
    profile = QoSProfile(depth=1, liveliness_lease_duration=Duration(seconds=1))
    callbacks = SubscriptionEventCallbacks(liveliness=events.append)
    graph.node("node").create_subscription(Int32, "a", lambda m: None, profile, event_callbacks=callbacks)
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], env={**os.environ, "ROS_DOMAIN_ID": str(graph.domain_id)}
    )
    try:
        graph.spin_until(lambda: events and events[-1].alive_count == 1)
        child.send_signal(signal.SIGKILL)
        # The peer itself is given up after 10 s only.
        graph.spin_until(lambda: events[-1].alive_count == 0, timeout=8.0)
    finally:
        child.kill()
        child.wait(10)


def test_event_callbacks_run_in_the_executor(graph) -> None:
    threads: list[int] = []
    node = graph.node("node")
    callbacks = PublisherEventCallbacks(matched=lambda event: threads.append(threading.get_ident()))
    node.create_publisher(String, "a", 10, event_callbacks=callbacks)
    node.create_subscription(String, "a", lambda m: None, 10)
    graph.spin_until(lambda: threads)
    assert set(threads) == {threading.get_ident()}


def test_a_destroyed_publisher_tells_nothing_more(graph) -> None:
    events: list = []
    node = graph.node("node")
    publisher = node.create_publisher(String, "a", 10, event_callbacks=PublisherEventCallbacks(matched=events.append))
    other = node.create_publisher(String, "a", 10)
    assert len(publisher.event_handlers) > len(other.event_handlers)
    node.destroy_publisher(publisher)
    node.create_subscription(String, "a", lambda m: None, 10)
    graph.spin_until(lambda: other.get_subscription_count() == 1)
    for _ in range(5):
        graph.executor.spin_once(timeout_sec=0.02)
    assert events == []
