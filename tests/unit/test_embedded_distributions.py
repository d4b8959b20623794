"""The embedded runtime's own use of messages fits those of every distribution that ROS_DISTRO may name."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from helpers.domain import own_domain

NODES = """
import rclpy
from control_msgs.action import FollowJointTrajectory
from rclpy.action import ActionClient, ActionServer
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn

rclpy.init()
node = LifecycleNode("arm")
node.declare_parameter("gain", 1.0)
node.get_logger().info("a line for /rosout")
assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS

def follow(goal):
    goal.publish_feedback(FollowJointTrajectory.Feedback())
    goal.succeed()
    return FollowJointTrajectory.Result(error_string="none")

ActionServer(node, FollowJointTrajectory, "follow", follow)
client = ActionClient(node, FollowJointTrajectory, "follow")
assert client.wait_for_server(30.0)
sent = client.send_goal_async(FollowJointTrajectory.Goal())
rclpy.spin_until_future_complete(node, sent, timeout_sec=30.0)
result = sent.result().get_result_async()
rclpy.spin_until_future_complete(node, result, timeout_sec=30.0)
print(result.result().result.error_string)
"""


def run(program: str, distribution: str) -> str:
    environment = {**os.environ, "ROS_DISTRO": distribution, "ROS_DOMAIN_ID": str(own_domain())}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("distribution", ["humble", "jazzy", "kilted", "lyrical"])
def test_nodes_run_on_the_messages_of_the_distribution(distribution: str) -> None:
    assert run(NODES, distribution) == "none\n"


SERVICE = """
import rclpy
from rcl_interfaces.srv import ListParameters

rclpy.init()
node = rclpy.create_node("node", start_parameter_services=False)
node.create_service(ListParameters, "list", lambda request, response: response)
for endpoint in (*node._graph.endpoints(True), *node._graph.endpoints(False)):
    if "list" in endpoint.topic:
        print(endpoint.user_data.get("sertypehash"))
"""


def test_lyricals_services_tell_their_own_type_hash() -> None:
    published = "RIHS01_3e6062bfbb27bfb8730d4cef2558221f51a11646d78e7bb30a1e83afac3aad9d"
    assert run(SERVICE, "jazzy") == "None\nNone\n"
    assert run(SERVICE, "lyrical") == f"{published}\n{published}\n"
