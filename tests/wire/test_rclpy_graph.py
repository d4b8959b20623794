"""What a node can ask of the graph: who is there, and who publishes, subscribes and serves what."""

from __future__ import annotations

import pytest
from rclpy.node import Node, NodeNameNonExistentError
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from rclpy.topic_endpoint_info import TopicEndpointTypeEnum
from sensor_msgs.msg import Image
from std_msgs.msg import String
from std_srvs.srv import Trigger

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
TALK = ("/a/talk", ["std_msgs/msg/String"])


@pytest.fixture
def pair(graph) -> tuple[Node, Node]:
    """A publisher of /a/talk in the namespace /a, and its subscription, which know each other."""
    talker, listener = graph.node("talker", namespace="/a"), graph.node("listener")
    talker.create_publisher(String, "talk", LATCHED)
    listener.create_subscription(String, "/a/talk", lambda message: None, 10)
    graph.spin_until(lambda: talker.count_subscribers("talk") and listener.count_publishers("/a/talk"))
    return talker, listener


def test_nodes_are_known_by_name(graph, pair) -> None:
    _, listener = pair
    graph.spin_until(lambda: set(listener.get_node_names()) == {"talker", "listener"})


def test_nodes_are_known_by_name_and_namespace(graph, pair) -> None:
    _, listener = pair
    graph.spin_until(lambda: set(listener.get_node_names_and_namespaces()) == {("talker", "/a"), ("listener", "/")})
    assert set(listener.get_fully_qualified_node_names()) == {"/a/talker", "/listener"}


def test_two_nodes_may_have_one_name(graph) -> None:
    node = graph.node("twin")
    graph.node("twin")
    graph.spin_until(lambda: node.get_node_names() == ["twin", "twin"])


def test_a_destroyed_node_is_gone_with_all_it_had(graph, pair) -> None:
    talker, listener = pair
    talker.destroy_node()
    graph.spin_until(lambda: listener.get_node_names() == ["listener"])
    graph.spin_until(lambda: listener.count_publishers("/a/talk") == 0)


def test_a_node_can_be_waited_for(graph, pair) -> None:
    _, listener = pair
    assert listener.wait_for_node("/a/talker", timeout=60.0)
    assert listener.wait_for_node("listener", timeout=60.0)
    assert not listener.wait_for_node("/a/nobody", timeout=0.1)


def test_topics_are_known_with_their_types(graph, pair) -> None:
    for node in pair:
        graph.spin_until(lambda node=node: TALK in node.get_topic_names_and_types())


def test_a_topic_of_two_types_has_both(graph) -> None:
    node = graph.node("node")
    node.create_publisher(String, "mixed", 10)
    node.create_subscription(Image, "mixed", lambda message: None, 10)
    both = ["sensor_msgs/msg/Image", "std_msgs/msg/String"]
    graph.spin_until(
        lambda: [(n, sorted(t)) for n, t in node.get_topic_names_and_types() if n == "/mixed"] == [("/mixed", both)]
    )


def test_a_service_that_is_only_called_is_listed(graph) -> None:
    node = graph.node("node")
    node.create_client(Trigger, "wanted")
    graph.spin_until(lambda: ("/wanted", ["std_srvs/srv/Trigger"]) in node.get_service_names_and_types())


def test_publishers_are_known_by_their_node(graph, pair) -> None:
    _, listener = pair
    graph.spin_until(lambda: "/a/talker" in listener.get_fully_qualified_node_names())
    graph.spin_until(lambda: TALK in listener.get_publisher_names_and_types_by_node("talker", "/a"))
    assert TALK not in listener.get_publisher_names_and_types_by_node("listener", "/")


def test_subscriptions_are_known_by_their_node(graph, pair) -> None:
    talker, _ = pair
    graph.spin_until(lambda: "/listener" in talker.get_fully_qualified_node_names())
    graph.spin_until(lambda: TALK in talker.get_subscriber_names_and_types_by_node("listener", "/"))
    assert TALK not in talker.get_subscriber_names_and_types_by_node("talker", "/a")


def test_asking_about_a_node_that_is_not_there_is_an_error(graph) -> None:
    node = graph.node("node")
    for ask in (
        node.get_publisher_names_and_types_by_node,
        node.get_subscriber_names_and_types_by_node,
        node.get_service_names_and_types_by_node,
        node.get_client_names_and_types_by_node,
    ):
        with pytest.raises(NodeNameNonExistentError):
            ask("nobody", "/")


def test_publishers_and_subscriptions_are_counted(graph, pair) -> None:
    talker, listener = pair
    listener.create_subscription(String, "/a/talk", lambda message: None, 10)
    graph.spin_until(lambda: talker.count_subscribers("/a/talk") == 2)
    assert talker.count_publishers("/a/talk") == 1
    assert talker.count_publishers("/nothing") == 0


def test_a_topics_publishers_are_described(graph, pair) -> None:
    _, listener = pair
    graph.spin_until(lambda: [i.node_name for i in listener.get_publishers_info_by_topic("/a/talk")] == ["talker"])
    (info,) = listener.get_publishers_info_by_topic("/a/talk")
    assert (info.node_namespace, info.topic_type) == ("/a", "std_msgs/msg/String")
    assert info.endpoint_type == TopicEndpointTypeEnum.PUBLISHER
    assert (info.qos_profile.durability, info.qos_profile.reliability) == (
        DurabilityPolicy.TRANSIENT_LOCAL,
        ReliabilityPolicy.RELIABLE,
    )


def test_a_topics_subscriptions_are_described(graph) -> None:
    node = graph.node("node")
    node.create_subscription(String, "talk", lambda message: None, qos_profile_sensor_data)
    graph.spin_until(lambda: [i.node_name for i in node.get_subscriptions_info_by_topic("talk")] == ["node"])
    (info,) = node.get_subscriptions_info_by_topic("talk")
    assert info.endpoint_type == TopicEndpointTypeEnum.SUBSCRIPTION
    assert info.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT


def test_every_endpoint_has_an_identity_of_its_own(graph) -> None:
    node = graph.node("node")
    for _ in range(3):
        node.create_publisher(String, "talk", 10)
    graph.spin_until(lambda: node.count_publishers("talk") == 3)
    assert len({tuple(info.endpoint_gid) for info in node.get_publishers_info_by_topic("talk")}) == 3


def test_every_node_serves_its_parameters(graph) -> None:
    node = graph.node("node", namespace="/ns")
    names = (
        "describe_parameters",
        "get_parameters",
        "get_parameter_types",
        "list_parameters",
        "set_parameters",
        "set_parameters_atomically",
    )
    wanted = {f"/ns/node/{name}" for name in names}
    graph.spin_until(lambda: wanted <= {name for name, _ in node.get_service_names_and_types_by_node("node", "/ns")})


def test_services_are_no_topics(graph) -> None:
    node = graph.node("node")
    node.create_service(Trigger, "go", lambda request, response: response)
    node.create_publisher(String, "talk", 10)
    graph.spin_until(lambda: "/talk" in [name for name, _ in node.get_topic_names_and_types()])
    assert not [name for name, _ in node.get_topic_names_and_types() if "go" in name]
