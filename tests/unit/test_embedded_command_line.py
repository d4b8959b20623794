"""`ros2-embedded topic | node | param | service` against a node in another process, in the forms that `ros2` prints."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest
import yaml

TALKER = """
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

class Talker(Node):
    def __init__(self):
        super().__init__("talker", namespace="/arm")
        self.declare_parameter("gain", 1.5)
        self.declare_parameter("names", ["a", "b"])
        self.publisher = self.create_publisher(JointState, "joint_states", 10)
        self.create_timer(0.05, self.tick)
        self.create_service(SetBool, "~/enable", self.enable)

    def tick(self):
        self.publisher.publish(JointState(name=["j1"], position=[0.5] * 200))

    def enable(self, request, response):
        response.success, response.message = request.data, "as asked"
        return response

rclpy.init()
node = Talker()
print("up", flush=True)
try:
    rclpy.spin(node)
except KeyboardInterrupt:
    pass
"""


@pytest.fixture(scope="module")
def ros2():
    """Runs command lines on a domain where a node `/arm/talker` lives; gives exit code, output and errors."""
    environment = {**os.environ, "ROS_DOMAIN_ID": str(1 + os.getpid() % 100)}
    talker = subprocess.Popen([sys.executable, "-c", TALKER], env=environment, stdout=subprocess.PIPE, text=True)
    assert talker.stdout is not None
    assert talker.stdout.readline() == "up\n"

    def run(*arguments: str, stop_after: str | None = None) -> tuple[int, str, str]:
        command = subprocess.Popen(
            [sys.executable, "-m", "embedded_ros.cli.main", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # A command that never prints what it should must not hold up the tests for ever.
        watchdog = threading.Timer(120, command.kill)
        watchdog.start()
        output = ""
        if stop_after is not None:
            assert command.stdout is not None
            for line in command.stdout:
                output += line
                if stop_after in line:
                    break
            command.send_signal(signal.SIGINT)
        rest, errors = command.communicate()
        watchdog.cancel()
        return command.returncode, output + rest, errors

    yield run
    talker.send_signal(signal.SIGINT)
    talker.wait(timeout=60)


def test_nodes_are_listed_by_their_full_names(ros2):
    assert ros2("node", "list") == (0, "/arm/talker\n", "")


def test_topics_are_listed_with_their_types(ros2):
    _, output, _ = ros2("topic", "list")
    assert "/arm/joint_states" in output.splitlines()
    _, output, _ = ros2("topic", "list", "-t")
    assert "/arm/joint_states [sensor_msgs/msg/JointState]" in output.splitlines()


def test_topic_info_counts_both_sides(ros2):
    assert ros2("topic", "info", "/arm/joint_states") == (
        0,
        "Type: sensor_msgs/msg/JointState\nPublisher count: 1\nSubscription count: 0\n",
        "",
    )
    assert ros2("topic", "info", "nothing") == (1, "", "Unknown topic '/nothing'\n")


def test_echo_prints_yaml_and_shortens_long_arrays(ros2):
    code, output, _ = ros2("topic", "echo", "--once", "/arm/joint_states")
    assert code == 0
    message, end = output.split("---")
    assert end == "\n"
    values = yaml.safe_load(message)
    assert list(values) == ["header", "name", "position", "velocity", "effort"]
    assert values["name"] == ["j1"]
    assert values["position"] == [0.5] * 128 + ["..."]
    _, output, _ = ros2("topic", "echo", "--once", "--full-length", "/arm/joint_states")
    assert yaml.safe_load(output.split("---")[0])["position"] == [0.5] * 200


def test_hz_reports_the_rate_until_interrupted(ros2):
    code, output, errors = ros2("topic", "hz", "/arm/joint_states", stop_after="std dev")
    assert code in (0, 130)
    assert "Traceback" not in errors
    rate = float(output.partition("average rate: ")[2].split()[0])
    assert 1 < rate < 50


def test_parameters_are_listed_read_and_set(ros2):
    _, output, _ = ros2("param", "list")
    assert output.splitlines()[:3] == ["/arm/talker:", "  gain", "  names"]
    assert ros2("param", "get", "/arm/talker", "names") == (0, "String values are: ['a', 'b']\n", "")
    assert ros2("param", "set", "/arm/talker", "gain", "2.5") == (0, "Set parameter successful\n", "")
    assert ros2("param", "get", "/arm/talker", "gain") == (0, "Double value is: 2.5\n", "")


def test_refused_and_unknown_parameters_are_one_line_each(ros2):
    code, _, errors = ros2("param", "set", "/arm/talker", "gain", "high")
    assert code == 1
    assert errors.startswith("Setting parameter failed: ")
    assert errors.count("\n") == 1
    assert ros2("param", "get", "/arm/talker", "loss")[2] == "Parameter not set: 'loss' of '/arm/talker'\n"
    assert ros2("param", "get", "/leg", "gain")[2].startswith("Node not found")


def test_service_is_called_with_yaml(ros2):
    code, output, _ = ros2("service", "call", "/arm/talker/enable", "std_srvs/srv/SetBool", "{data: true}")
    assert code == 0
    assert output == (
        "requester: making request: std_srvs.srv.SetBool_Request(data=True)\n\n"
        "response:\nstd_srvs.srv.SetBool_Response(success=True, message='as asked')\n\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["std_srvs/srv/SetBool", "{date: true}"], "SetBool_Request has no field 'date'; it has: data"),
        (["std_srvs/srv/SetBool", "{data: 3.5}"], "field 'data' (boolean) cannot take 3.5"),
        (["std_srvs/srv/SetBool", "{data"], "is no YAML"),
        (["std_srvs/srv/SetBull"], "the type 'std_srvs/srv/SetBull' is unknown here"),
        (["SetBool"], "'SetBool' is no type's name: expected package/srv/Name"),
    ],
)
def test_bad_requests_are_named_in_one_line(ros2, arguments, said):
    code, _, errors = ros2("service", "call", "/arm/talker/enable", *arguments)
    assert code == 1
    assert said in errors
    assert errors.count("\n") == 1
