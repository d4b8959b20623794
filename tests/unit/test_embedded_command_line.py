"""`ros2-embedded topic | node | param | service | lifecycle` on nodes of another process, in the forms of `ros2`."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time

import pytest
import yaml
from embedded_ros.cli import graph
from embedded_ros.cli.main import main
from embedded_ros.cli.message_text import TextStyle, to_csv, to_yaml
from embedded_ros.cli.messages import fill
from embedded_ros.cli.topic_meters import BandwidthMeter, DelayMeter, RateMeter
from geometry_msgs.msg import PoseStamped, PoseWithCovariance
from helpers.command_line import CommandLine
from helpers.domain import own_domain
from sensor_msgs.msg import JointState
from std_msgs.msg import ByteMultiArray

ROBOT = """
import rclpy
from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

class Talker(Node):
    def __init__(self):
        super().__init__("talker", namespace="/arm")
        limits = [FloatingPointRange(from_value=0.0, to_value=10.0)]
        self.declare_parameter("gain", 1.5, ParameterDescriptor(description="of the loop", floating_point_range=limits))
        self.declare_parameter("tool.names", ["a", "b"])
        self.publisher = self.create_publisher(JointState, "joint_states", 10)
        self.create_timer(0.05, self.tick)
        self.create_service(SetBool, "~/enable", self.enable)

    def tick(self):
        self.publisher.publish(JointState(name=["j1"], position=[0.5] * 200))

    def enable(self, request, response):
        response.success, response.message = request.data, "as asked"
        return response

rclpy.init()
executor = SingleThreadedExecutor()
executor.add_node(Talker())
executor.add_node(LifecycleNode("policy"))
print("up", flush=True)
try:
    executor.spin()
except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
    pass
"""


@pytest.fixture(scope="module")
def domain():
    """A domain where the nodes `/arm/talker` and `/policy` live."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_DOMAIN_ID", str(own_domain()))
        robot = subprocess.Popen([sys.executable, "-c", ROBOT], stdout=subprocess.PIPE, text=True)
        assert robot.stdout is not None
        assert robot.stdout.readline() == "up\n"
        yield
        robot.send_signal(signal.SIGINT)
        robot.wait(timeout=60)


@pytest.fixture
def ros2(domain, capsys, monkeypatch):
    """Runs command lines; gives exit code, output and errors."""
    monkeypatch.setattr(graph, "DISCOVERY_SECONDS", 0.1)
    return CommandLine(capsys)


def start(*arguments: str) -> subprocess.Popen:
    """A command line in a process of its own."""
    command = [sys.executable, "-m", "embedded_ros.cli.main", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


# --- nodes and topics


def test_nodes_are_listed_by_their_full_names(ros2):
    assert ros2("node", "list", until="/arm/talker\n/policy") == (0, "/arm/talker\n/policy\n", "")
    assert ros2("node", "list", "--count-nodes", until="2")[1] == "2\n"


def test_node_info_has_a_section_for_each_kind_of_endpoint(ros2):
    code, output, _ = ros2("node", "info", "/arm/talker", until="enable")
    assert code == 0
    sections = re.findall(r"^  (\w.*):\n((?:    .*\n|\n)*)", output, flags=re.MULTILINE)
    assert output.startswith("/arm/talker\n  Subscribers:\n\n  Publishers:\n")
    assert [title for title, _ in sections] == [
        "Subscribers", "Publishers", "Service Servers", "Service Clients", "Action Servers", "Action Clients",
    ]  # fmt: skip
    assert "    /arm/joint_states: sensor_msgs/msg/JointState\n" in dict(sections)["Publishers"]
    assert "    /arm/talker/enable: std_srvs/srv/SetBool\n" in dict(sections)["Service Servers"]


def test_unknown_node_is_named(ros2):
    assert ros2("node", "info", "/leg") == (1, "", "Unable to find node '/leg'\n")


def test_topics_are_listed_by_name_type_and_direction(ros2):
    line = "/arm/joint_states [sensor_msgs/msg/JointState]"
    assert line in ros2("topic", "list", "-t", until=line)[1].splitlines()
    assert f"Published topics:\n * {line} 1 publisher\n" in ros2("topic", "list", "-v", until=line)[1]
    found = ros2("topic", "find", "sensor_msgs/msg/JointState", until="joint_states")
    assert found == (0, "/arm/joint_states\n", "")


def test_topic_info_counts_both_sides(ros2):
    assert ros2("topic", "info", "/arm/joint_states", until="Type") == (
        0,
        "Type: sensor_msgs/msg/JointState\nPublisher count: 1\nSubscription count: 0\n",
        "",
    )
    assert ros2("topic", "info", "nothing") == (1, "", "Unknown topic '/nothing'\n")


def test_verbose_topic_info_describes_each_endpoint(ros2):
    _, output, _ = ros2("topic", "info", "-v", "/arm/joint_states", until="Node name: talker")
    assert re.fullmatch(
        r"Type: sensor_msgs/msg/JointState\n\nPublisher count: 1\n\n"
        r"Node name: talker\nNode namespace: /arm\nTopic type: sensor_msgs/msg/JointState\n"
        r"Topic type hash: RIHS01_[0-9a-f]{64}\nEndpoint type: PUBLISHER\nGID: ([0-9a-f]{2}\.){15}[0-9a-f]{2}\n"
        r"QoS profile:\n  Reliability: RELIABLE\n  History \(Depth\): KEEP_LAST \(10\)\n  Durability: VOLATILE\n"
        r"  Lifespan: Infinite\n  Deadline: Infinite\n  Liveliness: AUTOMATIC\n"
        r"  Liveliness lease duration: Infinite\n\nSubscription count: 0\n\n",
        output,
    )


# --- messages


def test_echo_prints_one_message_with_long_arrays_shortened(ros2):
    code, output, _ = ros2("topic", "echo", "--once", "/arm/joint_states", until="---")
    assert code == 0
    message, end = output.split("---")
    assert end == "\n"
    values = yaml.safe_load(message)
    assert list(values) == ["header", "name", "position", "velocity", "effort"]
    assert values["position"] == [0.5] * 128 + ["..."]


def test_echo_of_a_field_prints_it_alone(ros2):
    assert ros2("topic", "echo", "--once", "--field", "name", "/arm/joint_states", until="---")[1] == "['j1']\n---\n"
    code, _, errors = ros2(
        "topic", "echo", "--once", "--field", "nam", "/arm/joint_states", "sensor_msgs/msg/JointState"
    )
    assert (code, errors) == (1, "Invalid field 'nam': 'JointState' object has no attribute 'nam'\n")


def test_echo_of_a_topic_that_nobody_publishes_says_so(ros2):
    assert ros2("topic", "echo", "/nothing") == (
        1,
        "WARNING: topic [/nothing] does not appear to be published yet\n",
        "Could not determine the type for the passed topic\n",
    )


def test_published_message_is_echoed(ros2):
    publisher = start("topic", "pub", "-r", "50", "/chatter", "std_msgs/msg/String", "data: hello")
    output = ros2("topic", "echo", "--once", "/chatter", "std_msgs/msg/String")[1]
    publisher.send_signal(signal.SIGINT)
    printed, errors = publisher.communicate(timeout=60)
    assert output == "data: hello\n---\n"
    assert printed.startswith("publisher: beginning loop\npublishing #1: std_msgs.msg.String(data='hello')\n\n")
    assert errors == ""


def test_pub_gives_up_waiting_for_subscribers_when_told(ros2):
    code, output, errors = ros2("topic", "pub", "--once", "--max-wait-time-secs", "0.1", "/alone", "std_msgs/msg/Empty")
    assert (code, output) == (1, "Waiting for at least 1 matching subscription(s)...\n")
    assert errors.startswith("Timed out waiting for subscribers: Expected 1")


def test_hz_reports_until_interrupted(ros2):
    hz = start("topic", "hz", "/arm/joint_states")
    assert hz.stdout is not None
    assert re.fullmatch(r"average rate: \d+\.\d{3}\n", hz.stdout.readline())
    assert re.fullmatch(r"\tmin: \d\.\d{3}s max: \d\.\d{3}s std dev: \d\.\d{5}s window: \d+\n", hz.stdout.readline())
    hz.send_signal(signal.SIGINT)
    assert hz.communicate(timeout=60)[1] == ""


def test_rate_is_reported_once_a_second_over_the_window():
    meter = RateMeter(window=4)
    reports = [meter.add(int(seconds * 1e9)) for seconds in (0.0, 0.2, 0.5, 0.9, 1.1, 1.3)]
    assert [report is not None for report in reports] == [False, False, False, False, True, False]
    assert reports[4] == "average rate: 3.636\n\tmin: 0.200s max: 0.400s std dev: 0.08292s window: 4"


def test_delays_are_reported_while_messages_come():
    meter = DelayMeter(window=2)
    assert meter.report() is None
    for delay in (9, 0.25, 0.75):
        meter.add(now=int((100 + delay) * 1e9), stamp=int(100e9))
    assert meter.report() == "average delay: 0.500\n\tmin: 0.250s max: 0.750s std dev: 0.25000s window: 2"
    assert meter.report() == "no new messages"


def test_bandwidth_is_told_in_one_unit():
    meter = BandwidthMeter(window=100)
    meter.add(now=0, size=1_000_000)
    assert meter.report(now=int(1e9)) is None
    meter.add(now=int(0.5e9), size=3_000_000)
    assert meter.report(now=int(2e9)) == (
        "2.00 MB/s from 2 messages\n\tMessage size mean: 2.00 MB min: 1.00 MB max: 3.00 MB"
    )


def test_arrays_and_texts_are_replaced_by_what_they_are():
    style = TextStyle(no_arr=True, no_str=True)
    joints = yaml.safe_load(to_yaml(JointState(name=["j"], position=[0.5] * 3), style))
    assert joints["header"]["frame_id"] == "<string length: <0>>"
    assert joints["name"] == "<sequence type: string, length: 1>"
    assert joints["position"] == "<sequence type: double, length: 3>"
    assert yaml.safe_load(to_yaml(PoseWithCovariance(), style))["covariance"] == "<array type: double[36]>"


def test_csv_holds_every_value_in_order():
    joints = JointState(name=["a", "b"], position=[0.5, 1.5, 2.5])
    assert to_csv(joints, TextStyle(truncate_length=2)) == "0,0,,a,b,0.5,1.5,...,,"
    assert to_csv(ByteMultiArray(data=[b"\x01", b"A"])) == "0,b'\\x01',b'A'"


def test_flow_style_writes_lists_on_one_line():
    joints = JointState(name=["a", "b"], position=[0.5])
    assert to_yaml(joints, TextStyle(flow_style=True)).splitlines()[5:] == [
        "name: [a, b]",
        "position: [0.5]",
        "velocity: []",
        "effort: []",
    ]


def test_headers_and_times_are_stamped_when_they_are_published():
    message = PoseStamped()
    stamps = fill(message, {"header": "auto", "pose": {"position": {"x": 1}}})
    for set_stamp in stamps:
        set_stamp(type(message.header.stamp)(sec=7))
    assert (message.header.stamp.sec, message.pose.position.x) == (7, 1.0)


# --- parameters


def test_parameters_are_listed_with_their_types(ros2):
    node = "/arm/talker"
    assert ros2("param", "list", node, "--param-type", until="gain")[1].splitlines() == [
        "  gain (type: double)",
        "  tool.names (type: string array)",
        "  use_sim_time (type: boolean)",
    ]


def test_parameters_are_read_and_set(ros2):
    wait = ("--timeout", "60")
    assert ros2("param", "get", "/arm/talker", "tool.names", *wait) == (0, "String values are: ['a', 'b']\n", "")
    assert ros2("param", "set", "/arm/talker", "gain", "2.5", *wait) == (0, "Set parameter successful\n", "")
    assert ros2("param", "get", "arm/talker", "gain", *wait) == (0, "Double value is: 2.5\n", "")


def test_refused_and_unknown_parameters_are_one_line_each(ros2):
    wait = ("--timeout", "60")
    code, _, errors = ros2("param", "set", "/arm/talker", "gain", "high", *wait)
    assert code == 1
    assert errors.startswith("Setting parameter failed: ")
    assert errors.count("\n") == 1
    assert ros2("param", "get", "/arm/talker", "loss", *wait) == (1, "", "Parameter not set\n")
    assert ros2("param", "get", "/leg", "gain") == (1, "", "Node not found\n")


def test_parameters_are_described(ros2):
    assert ros2("param", "describe", "/arm/talker", "gain", "--timeout", "60")[1] == (
        "Parameter name: gain\n  Type: double\n  Description: of the loop\n"
        "  Constraints:\n    Min value: 0.0\n    Max value: 10.0\n"
    )


def test_dumped_parameters_can_be_loaded(ros2, tmp_path):
    _, dumped, _ = ros2("param", "dump", "/arm/talker", "--timeout", "60")
    parameters = yaml.safe_load(dumped)["/arm/talker"]["ros__parameters"]
    assert parameters["tool"] == {"names": ["a", "b"]}
    file = tmp_path / "talker.yaml"
    file.write_text("/**:\n  ros__parameters:\n    gain: 3.5\n    tool.names: [c]\n")
    code, output, _ = ros2("param", "load", "/arm/talker", str(file), "--timeout", "60")
    assert code == 0
    assert output == "Set parameter gain successful\nSet parameter tool.names successful\n"
    assert ros2("param", "get", "/arm/talker", "gain", "--hide-type", "--timeout", "60")[1] == "3.5\n"


# --- services


def test_services_are_listed_and_found_by_type(ros2):
    assert ros2("service", "find", "std_srvs/srv/SetBool", until="enable") == (0, "/arm/talker/enable\n", "")
    assert ros2("service", "type", "/arm/talker/enable", until="srv") == (0, "std_srvs/srv/SetBool\n", "")
    assert "/arm/talker/enable [std_srvs/srv/SetBool]\n" in ros2("service", "list", "-t", until="SetBool")[1]


def test_service_is_called_with_yaml(ros2):
    code, output, _ = ros2("service", "call", "/arm/talker/enable", "std_srvs/srv/SetBool", "{data: true}")
    assert code == 0
    assert output.removeprefix("waiting for service to become available...\n") == (
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


# --- lifecycles


def test_lifecycle_nodes_are_found_and_led_through_their_states(ros2):
    assert ros2("lifecycle", "nodes", until="policy") == (0, "/policy\n", "")
    assert ros2("lifecycle", "get", "/policy", until="[") == (0, "unconfigured [1]\n", "")
    assert ros2("lifecycle", "list", "/policy", until="-")[1].splitlines()[:3] == [
        "- configure [1]",
        "\tStart: unconfigured",
        "\tGoal: configuring",
    ]
    assert ros2("lifecycle", "set", "/policy", "configure", until="ful") == (0, "Transitioning successful\n", "")
    assert ros2("lifecycle", "get", until="policy")[1] == "/policy: inactive [2]\n"


def test_impossible_transition_is_refused_with_the_possible_ones(ros2):
    deadline = time.monotonic() + 60
    while (said := ros2("lifecycle", "set", "/policy", "fly"))[2] == "Node not found\n":
        assert time.monotonic() < deadline
    assert said[0] == 1
    assert said[2].startswith("Unknown transition requested, available ones are:\n- ")


# --- the command line itself


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["topic", "pub", "--once", "/a b", "std_msgs/msg/Empty"], "Invalid topic name '/a b': "),
        (["topic", "echo", "/a b", "std_msgs/msg/Empty"], "Invalid topic name '/a b': "),
        (["service", "call", "/a b", "std_srvs/srv/Empty"], "Invalid service name '/a b': "),
        (["service", "call", "/a", "std_srvs/srv/Empty", "{b: 1}"], "Empty_Request has no field 'b'; it has: none"),
    ],
)
def test_names_that_cannot_be_are_told_in_one_line(ros2, arguments, said):
    code, _, errors = ros2(*arguments)
    assert code == 1
    assert errors.startswith(said)
    assert errors.count("\n") == 1


def test_domain_that_is_none_is_told_in_one_line(monkeypatch, capsys):
    monkeypatch.setenv("ROS_DOMAIN_ID", "233")
    assert main(["node", "list"]) == 1
    assert capsys.readouterr().err == "ROS_DOMAIN_ID=233 is not a number from 0 to 232\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["topic", "hz", "/a", "-w", "0"], "'0' is no whole number from 1 on"),
        (["topic", "list", "--spin-time=-1"], "'-1' is less than zero"),
        (["topic", "pub", "/a", "std_msgs/msg/Empty", "-r", "0"], "'0' is not greater than zero"),
        (["topic", "pub", "/a", "std_msgs/msg/Empty", "-r", "fast"], "'fast' is no number"),
        (["bag", "record", "-e", "("], "'(' is no regular expression"),
    ],
)
def test_options_out_of_range_are_refused_before_anything_starts(capsys, arguments, said):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert said in capsys.readouterr().err


def test_sigterm_ends_a_wait_for_what_never_comes(domain):
    hz = start("topic", "hz", "/nothing")
    assert hz.stdout is not None
    assert hz.stdout.readline().startswith("WARNING: ")
    hz.terminate()
    assert hz.communicate(timeout=60) == ("", "")
    assert hz.returncode == 130


def test_command_that_cannot_be_imported_is_one_line(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "embedded_ros.cli.node", None)
    assert main(["node", "list"]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("'ros2-embedded node' cannot start: ")
    assert errors.count("\n") == 1
