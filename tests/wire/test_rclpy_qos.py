"""Quality of service: profiles, which of them match, and what they promise."""

from __future__ import annotations

import time

import pytest
from rclpy.duration import Duration
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    InvalidQoSProfileException,
    LivelinessPolicy,
    QoSCompatibility,
    QoSPresetProfiles,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
    qos_profile_parameters,
    qos_profile_sensor_data,
    qos_profile_services_default,
    qos_profile_system_default,
)
from std_msgs.msg import Int32, String

SECOND, TWO_SECONDS = Duration(seconds=1), Duration(seconds=2)
BEST_EFFORT, RELIABLE = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE
VOLATILE, TRANSIENT_LOCAL = DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL
AUTOMATIC, MANUAL = LivelinessPolicy.AUTOMATIC, LivelinessPolicy.MANUAL_BY_TOPIC
OK, WARNING, ERROR = QoSCompatibility.OK, QoSCompatibility.WARNING, QoSCompatibility.ERROR


def profile(depth: int = 10, **policies) -> QoSProfile:
    """One whose policies are all known: the default liveliness is the middleware's choice."""
    return QoSProfile(**{"depth": depth, "liveliness": AUTOMATIC, **policies})


LATCHED = profile(1, durability=TRANSIENT_LOCAL)


# --- profiles


def test_profiles_need_a_depth_or_a_history() -> None:
    with pytest.raises(InvalidQoSProfileException):
        QoSProfile()
    with pytest.raises(InvalidQoSProfileException):
        QoSProfile(history=HistoryPolicy.KEEP_LAST)
    assert QoSProfile(depth=1).history == HistoryPolicy.KEEP_LAST
    assert QoSProfile(history=HistoryPolicy.KEEP_ALL).history == HistoryPolicy.KEEP_ALL


def test_profiles_are_equal_by_their_policies() -> None:
    assert QoSProfile(depth=1) == QoSProfile(depth=1)
    assert QoSProfile(depth=1) != QoSProfile(depth=2)
    assert QoSProfile(depth=1) != QoSProfile(depth=1, deadline=SECOND)


def test_the_default_is_reliable_and_volatile() -> None:
    default = QoSProfile(depth=10)
    assert (default.reliability, default.durability) == (RELIABLE, VOLATILE)
    assert default == QoSPresetProfiles.DEFAULT.value == qos_profile_services_default


def test_sensor_data_are_best_effort_and_few() -> None:
    assert qos_profile_sensor_data == QoSPresetProfiles.SENSOR_DATA.value
    assert qos_profile_sensor_data == QoSPresetProfiles.get_from_short_key("sensor_data")
    assert (qos_profile_sensor_data.reliability, qos_profile_sensor_data.depth) == (BEST_EFFORT, 5)


def test_parameters_are_queued_deeply() -> None:
    assert qos_profile_parameters.depth == 1000


def test_a_number_in_place_of_a_profile_is_a_depth(graph) -> None:
    publisher = graph.node("node").create_publisher(String, "a", 7)
    assert publisher.qos_profile.depth == 7
    assert publisher.qos_profile.history == HistoryPolicy.KEEP_LAST


def test_a_negative_depth_is_refused(graph) -> None:
    with pytest.raises(ValueError, match="greater than or equal to zero"):
        graph.node("node").create_publisher(String, "a", -1)


# --- which match


@pytest.mark.parametrize(
    ("offered", "requested", "verdict"),
    [
        (profile(), profile(), OK),
        (profile(), profile(reliability=BEST_EFFORT), OK),
        (profile(reliability=BEST_EFFORT), profile(), ERROR),
        (profile(durability=TRANSIENT_LOCAL), profile(), OK),
        (profile(), profile(durability=TRANSIENT_LOCAL), ERROR),
        (profile(deadline=SECOND), profile(), OK),
        (profile(), profile(deadline=SECOND), ERROR),
        (profile(deadline=SECOND), profile(deadline=TWO_SECONDS), OK),
        (profile(deadline=TWO_SECONDS), profile(deadline=SECOND), ERROR),
        (profile(liveliness=MANUAL), profile(), OK),
        (profile(), profile(liveliness=MANUAL), ERROR),
        (profile(liveliness_lease_duration=SECOND), profile(), OK),
        (profile(), profile(liveliness_lease_duration=SECOND), ERROR),
        (profile(liveliness_lease_duration=SECOND), profile(liveliness_lease_duration=TWO_SECONDS), OK),
        (profile(liveliness_lease_duration=TWO_SECONDS), profile(liveliness_lease_duration=SECOND), ERROR),
        (profile(1), profile(history=HistoryPolicy.KEEP_ALL), OK),
        (profile(lifespan=SECOND), profile(), OK),
    ],
)
def test_a_verdict_on_two_profiles_agrees_with_the_wire(graph, offered, requested, verdict) -> None:
    found, reason = qos_check_compatible(offered, requested)
    assert found == verdict
    assert reason.startswith("ERROR: ") == (verdict == ERROR)
    node = graph.node("node")
    publisher = node.create_publisher(String, "a", offered)
    subscription = node.create_subscription(String, "a", lambda m: None, requested)
    modest = node.create_subscription(String, "a", lambda m: None, profile(reliability=BEST_EFFORT))
    graph.spin_until(lambda: modest.get_publisher_count() == 1)
    graph.spin_until(lambda: publisher.get_subscription_count() == (2 if verdict == OK else 1))
    assert subscription.get_publisher_count() == (verdict == OK)


@pytest.mark.parametrize(
    ("offered", "requested", "verdict"),
    [
        (qos_profile_system_default, profile(), WARNING),
        (profile(reliability=BEST_EFFORT), profile(reliability=ReliabilityPolicy.SYSTEM_DEFAULT), WARNING),
        (profile(reliability=ReliabilityPolicy.SYSTEM_DEFAULT), profile(reliability=BEST_EFFORT), OK),
        (profile(durability=DurabilityPolicy.UNKNOWN), profile(durability=TRANSIENT_LOCAL), WARNING),
        (profile(durability=TRANSIENT_LOCAL), profile(durability=DurabilityPolicy.UNKNOWN), OK),
        (profile(liveliness=LivelinessPolicy.SYSTEM_DEFAULT), profile(liveliness=MANUAL), WARNING),
        (QoSProfile(depth=1), QoSProfile(depth=1), WARNING),  # whose liveliness is the middleware's choice
    ],
)
def test_where_the_middleware_chooses_a_verdict_may_be_a_warning(offered, requested, verdict) -> None:
    found, reason = qos_check_compatible(offered, requested)
    assert found == verdict
    assert reason.startswith("WARNING: ") == (verdict == WARNING)


# --- what they promise


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


def test_keep_all_keeps_all(graph) -> None:
    received: list[int] = []
    node = graph.node("node")
    keep_all = profile(history=HistoryPolicy.KEEP_ALL)
    subscription = node.create_subscription(Int32, "number", lambda m: received.append(m.data), keep_all)
    publisher = node.create_publisher(Int32, "number", keep_all)
    graph.spin_until(lambda: subscription.get_publisher_count() == 1 and publisher.get_subscription_count() == 1)
    for i in range(500):
        publisher.publish(Int32(data=i))
    graph.spin_until(lambda: len(received) == 500)
    assert received == list(range(500))


def test_transient_local_reaches_late_joiners(graph) -> None:
    received: list[str] = []
    publisher = graph.node("early").create_publisher(String, "map", LATCHED)
    publisher.publish(String(data="old"))
    publisher.publish(String(data="new"))
    graph.node("late").create_subscription(String, "map", lambda m: received.append(m.data), LATCHED)
    graph.spin_until(lambda: received)
    assert received == ["new"]


def test_a_late_joiner_gets_as_many_as_the_publishers_depth(graph) -> None:
    received: list[int] = []
    publisher = graph.node("early").create_publisher(Int32, "map", profile(3, durability=TRANSIENT_LOCAL))
    for i in range(7):
        publisher.publish(Int32(data=i))
    wants = profile(100, durability=TRANSIENT_LOCAL)
    graph.node("late").create_subscription(Int32, "map", lambda m: received.append(m.data), wants)
    graph.spin_until(lambda: len(received) == 3)
    assert received == [4, 5, 6]


def test_a_volatile_subscription_misses_what_was_before_it(graph) -> None:
    received: list[str] = []
    publisher = graph.node("early").create_publisher(String, "map", LATCHED)
    publisher.publish(String(data="before"))
    graph.node("late").create_subscription(String, "map", lambda m: received.append(m.data), profile())
    graph.spin_until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(String(data="after"))
    graph.spin_until(lambda: received)
    assert received == ["after"]


def test_messages_older_than_their_lifespan_reach_nobody(graph) -> None:
    received: list[int] = []
    node = graph.node("node", spun=False)
    subscription = node.create_subscription(Int32, "number", lambda m: received.append(m.data), profile())
    lasting = node.create_publisher(Int32, "number", profile())
    passing = node.create_publisher(Int32, "number", profile(lifespan=Duration(nanoseconds=100_000_000)))
    graph.spin_until(
        lambda: (
            subscription.get_publisher_count() == 2
            and lasting.get_subscription_count() == passing.get_subscription_count() == 1
        )
    )
    passing.publish(Int32(data=1))
    time.sleep(0.2)
    lasting.publish(Int32(data=2))
    graph.executor.add_node(node)
    graph.spin_until(lambda: received)
    assert received == [2]
