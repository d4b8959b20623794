"""`ros2-embedded action | interface`, in the forms that `ros2` prints, with a gripper in another process."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest
from helpers.command_line import CommandLine
from helpers.domain import own_domain

GRIPPER = """
import time

import rclpy
from control_msgs.action import GripperCommand
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.task import Future

rclpy.init()
node = rclpy.create_node("gripper", namespace="/arm")

async def execute(goal):
    position = goal.request.command.position
    if position == 0.0:  # until it is cancelled
        await canceled
        print("canceled", flush=True)
        goal.canceled()
        return GripperCommand.Result()
    for step in (0.5, 1.0):
        goal.publish_feedback(GripperCommand.Feedback(position=step * position))
        time.sleep(0.05)  # the result shall not overtake it
    goal.succeed() if position < 0.08 else goal.abort()
    return GripperCommand.Result(position=position, reached_goal=position < 0.08)

def go_on():
    global canceled
    asked, canceled = canceled, Future()
    asked.set_result(None)

canceled = Future()
guard = node.create_guard_condition(go_on)

def on_cancel(goal):
    guard.trigger()  # once the goal is canceling
    return CancelResponse.ACCEPT

def choose(goal):
    return GoalResponse.REJECT if goal.command.position < 0.0 else GoalResponse.ACCEPT

ActionServer(node, GripperCommand, "grip", execute, goal_callback=choose, cancel_callback=on_cancel)
print("up", flush=True)
try:
    rclpy.spin(node)
except KeyboardInterrupt:
    pass
"""
TYPE = "control_msgs/action/GripperCommand"


@pytest.fixture(scope="module")
def gripper():
    """A node `/arm/gripper` with the action `/arm/grip`, on a domain of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_DOMAIN_ID", str(own_domain()))
        process = subprocess.Popen([sys.executable, "-c", GRIPPER], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


@pytest.fixture
def ros2(capsys):
    """Runs command lines; gives exit code, output and errors."""
    return CommandLine(capsys)


def test_actions_are_listed_with_their_types(gripper, ros2) -> None:
    assert ros2("action", "list", until="grip") == (0, "/arm/grip\n", "")
    assert ros2("action", "list", "-t", until="grip") == (0, f"/arm/grip [{TYPE}]\n", "")
    assert ros2("action", "list", "-c", until="1") == (0, "1\n", "")
    assert ros2("action", "type", "/arm/grip", until="control") == (0, f"{TYPE}\n", "")
    assert ros2("action", "type", "/leg/grip") == (1, "", "")


def test_action_info_names_clients_and_servers(gripper, ros2) -> None:
    told = "Action: /arm/grip\nAction clients: 0\nAction servers: 1\n"
    assert ros2("action", "info", "/arm/grip", until="servers: 1") == (0, f"{told}    /arm/gripper\n", "")
    assert ros2("action", "info", "-t", "/arm/grip", until="servers: 1")[1] == f"{told}    /arm/gripper [{TYPE}]\n"
    assert ros2("action", "info", "-c", "/arm/grip", until="servers: 1")[1] == told


def test_a_nodes_info_has_its_actions(gripper, ros2) -> None:
    _, output, _ = ros2("node", "info", "/arm/gripper", until="Action Servers")
    assert f"  Action Servers:\n    /arm/grip: {TYPE}\n" in output


def test_a_goal_is_sent_and_its_result_printed(gripper, ros2) -> None:
    code, output, errors = ros2("action", "send_goal", "/arm/grip", TYPE, "{command: {position: 0.04, max_effort: 5}}")
    assert (code, errors) == (0, "")
    assert re.fullmatch(
        "Waiting for an action server to become available...\n"
        "Sending goal:\n     command:\n  position: 0.04\n  max_effort: 5.0\n\n"
        "Goal accepted with ID: [0-9a-f]{32}\n\n"
        "Result:\n    position: 0.04\neffort: 0.0\nstalled: false\nreached_goal: true\n\n"
        "Goal finished with status: SUCCEEDED\n",
        output,
    )


def test_feedback_is_printed_when_asked_for(gripper, ros2) -> None:
    told = [f"Feedback:\n    position: {position}\n" for position in (0.05, 0.1)]
    goal = "{command: {position: 0.1}}"
    _, output, _ = ros2("action", "send_goal", "-f", "/arm/grip", TYPE, goal, until=told[1])
    assert output.index(told[0]) < output.index(told[1])
    assert output.endswith("Goal finished with status: ABORTED\n")


def test_a_rejected_goal_says_so(gripper, ros2) -> None:
    code, output, _ = ros2("action", "send_goal", "/arm/grip", TYPE, "{command: {position: -1.0}}")
    assert (code, output.splitlines()[-1]) == (0, "Goal was rejected.")


def test_what_is_no_goal_is_refused_in_one_line(gripper, ros2) -> None:
    assert ros2("action", "send_goal", "/arm/grip", TYPE, "{width: 1}") == (
        1,
        "",
        "GripperCommand_Goal has no field 'width'; it has: command\n",
    )
    code, _, errors = ros2("action", "send_goal", "/arm/grip", "control_msgs/action/Gripe")
    assert (code, errors) == (1, "the type 'control_msgs/action/Gripe' is unknown here\n")


def test_an_interrupt_cancels_the_goal(gripper) -> None:
    command = [sys.executable, "-m", "embedded_ros.cli.main", "action", "send_goal", "/arm/grip", TYPE]
    sender = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert sender.stdout is not None
    for line in sender.stdout:
        if line.startswith("Goal accepted"):
            break
    sender.send_signal(signal.SIGINT)
    output, errors = sender.communicate(timeout=60)
    assert (output.strip(), errors, sender.returncode) == ("Canceling goal...\nGoal canceled.", "", 130)
    assert gripper.stdout.readline() == "canceled\n"


def test_interfaces_are_listed_by_package_and_kind(ros2) -> None:
    assert "Actions:\n    control_msgs/action/ExecuteMotionPrimitiveSequence\n" in ros2("interface", "list")[1]
    assert ros2("interface", "list", "-a")[1].startswith("Actions:\n")
    assert ros2("interface", "package", "std_srvs")[1] == "".join(
        f"std_srvs/srv/{name}\n" for name in ("Empty", "SetBool", "Trigger")
    )
    assert ros2("interface", "package", "tf2_msgs", "-a")[1] == "tf2_msgs/action/LookupTransform\n"
    assert "std_srvs" in ros2("interface", "packages", "-s")[1].splitlines()
    assert "std_srvs" not in ros2("interface", "packages", "-m")[1].splitlines()
    code, _, errors = ros2("interface", "package", "no_msgs")
    assert (code, errors) == (1, "Unknown package 'no_msgs': it has no interfaces here\n")


def test_a_definition_is_shown_with_what_it_is_made_of(ros2) -> None:
    assert ros2("interface", "show", "franka_msgs/action/Grasp")[1] == (
        "float64 width\nGraspEpsilon epsilon\n\tfloat64 inner 0.005\n\tfloat64 outer 0.005\n"
        "float64 speed\nfloat64 force\n---\nbool success\nstring error\n---\nfloat64 current_width\n"
    )
    assert ros2("interface", "show", "geometry_msgs/msg/Twist")[1] == (
        "geometry_msgs/Vector3 linear\n\tfloat64 x\n\tfloat64 y\n\tfloat64 z\n"
        "geometry_msgs/Vector3 angular\n\tfloat64 x\n\tfloat64 y\n\tfloat64 z\n"
    )
    code, _, errors = ros2("interface", "show", "std_srvs/srv/Triger")
    assert code == 1
    assert errors.startswith("service std_srvs/Triger is not known; std_srvs has Trigger")


def test_comments_of_a_definition_are_shown_unless_unwanted(ros2) -> None:
    trace = "sdm_interfaces/msg/PolicyTrace"
    assert "#" in ros2("interface", "show", trace)[1]
    plain = ros2("interface", "show", "--no-comments", trace)[1]
    assert "#" not in plain
    assert "\n\n" not in plain
