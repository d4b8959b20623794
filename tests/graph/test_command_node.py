"""The command node as a process: it streams what chunks say, and stops when the policy does, whatever befell it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import PoseStamped
from helpers.contracts import small_contract
from helpers.fake_policy import Policy, interventions
from helpers.fake_robot import FakeRobot, depth_image, state_values, time_message
from helpers.graph import Graph, graph
from helpers.linear_policy import LinearPolicy
from helpers.motion import joint_contract, pose_contract
from lifecycle_msgs.msg import Transition
from sdm_interfaces.msg import ActionChunk, Heartbeat
from sdm_interfaces.srv import StartEpisode
from std_msgs.msg import Float64, Float64MultiArray
from std_srvs.srv import Trigger

# Chunks as long as a test's process may be kept waiting.
CONTRACT = small_contract(control_hz=50.0, horizon=50, n_action_steps=4)
HOLD = [0.0, 0.0, 0.25]  # nothing moves, the gripper keeps its last value
COMMAND = [0.5, -0.25, 0.25]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Graph]:
    with graph(tmp_path) as made:
        yield made


def test_chunks_become_commands_at_the_contracts_rate(world, tmp_path):
    policy = Policy(world, CONTRACT, tmp_path, chunk_timeout_s=5.0, heartbeat_timeout_s=5.0)
    assert policy.keep_alive_until(lambda: len(policy.commands) >= 50, COMMAND)
    assert all(command == COMMAND for command in policy.commands)
    assert interventions(policy.traces) == set()
    answered = [trace for trace in policy.traces if trace.sequence > 0]
    assert answered
    assert all(trace.commands == 1 and 0 < trace.loop_ms < 5000 for trace in answered)


def test_an_ensemble_commands_the_mean_of_overlapping_chunks(world, tmp_path):
    policy = Policy(world, CONTRACT, tmp_path, scheduler="ensemble", chunk_timeout_s=5.0, heartbeat_timeout_s=5.0)
    other = [-0.5, 0.25, 0.75]

    def between() -> bool:
        policy.send(other)
        return any(COMMAND[2] < command[2] < other[2] for command in policy.commands)

    assert policy.keep_alive_until(between, COMMAND), world.outputs()


def test_without_a_heartbeat_nothing_is_ever_commanded(world, tmp_path):
    policy = Policy(world, CONTRACT, tmp_path)
    for _ in range(10):
        policy.send(COMMAND)
        world.spin_for(0.05)
    assert policy.commands == []
    assert "no heartbeat accompanies it" in world.outputs()


@pytest.mark.parametrize("lost", ["chunks", "heartbeat"])
def test_it_holds_and_then_falls_silent_when_the_policy_ends(world, tmp_path, lost):
    patience = {"heartbeat": {"chunk_timeout_s": 5.0}, "chunks": {}}[lost]
    policy = Policy(world, CONTRACT, tmp_path, **patience)
    assert policy.keep_alive_until(lambda: len(policy.commands) >= 10, COMMAND)
    if lost == "chunks":
        policy.keep_alive_until(lambda: f"{lost}_lost" in interventions(policy.traces))
    else:
        world.spin_until(lambda: f"{lost}_lost" in interventions(policy.traces))
    assert f"{lost}_lost" in interventions(policy.traces), world.outputs()
    world.spin_for(0.5)
    count = len(policy.commands)
    assert policy.commands[-1] == HOLD
    last_motion = max(index for index, command in enumerate(policy.commands) if command == COMMAND)
    assert all(command == HOLD for command in policy.commands[last_motion + 1 :])
    world.spin_for(0.3)
    assert len(policy.commands) == count  # silence

    assert policy.keep_alive_until(lambda: policy.commands[-1] == COMMAND, COMMAND)  # and it resumes


def test_killing_the_policy_process_stops_the_robot(world, tmp_path):
    folder = LinearPolicy(CONTRACT).write(tmp_path / "policy").path
    brain = world.start(
        "policy_node", checkpoint=folder, backend="onnxruntime", command="chunk", startup_wait_s=0.0, max_skew_s=0.03
    )
    policy = Policy(world, CONTRACT, tmp_path)
    world.node.destroy_publisher(policy.chunks)  # the process is the one that leads
    world.node.destroy_publisher(policy.heartbeat)
    robot = FakeRobot(world, CONTRACT)
    robot.await_policy()
    told = 0

    def observe() -> bool:
        nonlocal told
        stamp = time.time_ns()
        if stamp - told >= CONTRACT.dt_ns:
            told = stamp
            robot.tell_state(stamp, state_values(0, CONTRACT))
            robot.tell_info(stamp)
            robot.tell_image(stamp, depth_image(0, CONTRACT))
        return sum(any(command[:2]) for command in policy.commands) > 20

    assert world.spin_until(observe), world.outputs()
    brain.send(signal.SIGKILL)
    assert world.spin_until(
        lambda: "heartbeat_lost" in interventions(policy.traces) or "chunks_lost" in interventions(policy.traces)
    )
    world.spin_for(0.6)
    assert policy.commands[-1][:2] == [0.0, 0.0]
    count = len(policy.commands)
    world.spin_for(0.3)
    assert len(policy.commands) == count


def test_a_second_publisher_is_a_latched_fault(world, tmp_path):
    policy = Policy(world, CONTRACT, tmp_path)
    assert policy.keep_alive_until(lambda: len(policy.commands) >= 5, COMMAND)
    intruder = world.node.create_publisher(Float64MultiArray, "native_command", 10)
    assert policy.keep_alive_until(lambda: any(trace.refusal for trace in policy.traces), COMMAND)
    assert "1 other publisher on /native_command" in policy.traces[-1].refusal
    world.spin_for(0.1)
    count = len(policy.commands)
    sent = policy._sequence
    assert policy.keep_alive_until(lambda: policy._sequence > sent + 10, COMMAND)
    assert len(policy.commands) == count

    assert not world.call(Trigger, "command_node/reset_fault").success
    assert not world.call(StartEpisode, "command_node/start_episode").success
    world.node.destroy_publisher(intruder)
    assert world.spin_until(lambda: world.node.count_publishers("native_command") == 1)
    world.spin_for(0.2)
    policy.send(COMMAND)
    world.spin_for(0.2)
    assert len(policy.commands) == count  # latched, though the other one has gone
    assert world.spin_until(lambda: world.call(Trigger, "command_node/reset_fault").success)
    assert policy.keep_alive_until(lambda: len(policy.commands) > count + 5, COMMAND)


@pytest.mark.parametrize(("topic", "kind"), [("action_chunk", ActionChunk), ("heartbeat", Heartbeat)])
def test_while_two_lead_neither_is_followed(world, tmp_path, topic, kind):
    policy = Policy(world, CONTRACT, tmp_path, chunk_timeout_s=5.0, heartbeat_timeout_s=5.0)
    policy.beat()
    world.spin_for(0.2)  # a chunk that overtook the first heartbeat would be refused, too
    assert policy.keep_alive_until(lambda: len(policy.commands) >= 5, COMMAND)
    other = world.node.create_publisher(kind, topic, 10)  # it need not say a word
    assert world.spin_until(lambda: "several_leaders" in interventions(policy.traces)), world.outputs()
    world.spin_for(0.5)
    assert policy.commands[-1] == HOLD
    count = len(policy.commands)
    line = f"chunk refused (1 so far): 2 publishers on /{topic}; one policy or operator may lead the robot: end the"
    assert policy.keep_alive_until(lambda: line in world.outputs(), COMMAND), world.outputs()
    assert len(policy.commands) == count
    world.node.destroy_publisher(other)
    assert policy.keep_alive_until(lambda: len(policy.commands) > count + 5, COMMAND), world.outputs()
    assert policy.commands[-1] == COMMAND  # nothing was latched


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_policy_s_dry_run_is_heard_by_another_dry_run_alone(world, tmp_path, dry_run):
    policy = Policy(world, CONTRACT, tmp_path, dry_run=dry_run)
    for spoken in (policy.chunks, policy.heartbeat):
        world.node.destroy_publisher(spoken)
    policy.chunks = world.node.create_publisher(ActionChunk, "policy_node/action_chunk", 10)
    policy.heartbeat = world.node.create_publisher(Heartbeat, "policy_node/heartbeat", 1)

    def answered() -> bool:
        return any(trace.sequence > 0 for trace in policy.traces)

    if dry_run:
        assert policy.keep_alive_until(answered, COMMAND), world.outputs()
        other = world.node.create_publisher(ActionChunk, "action_chunk", 10)
        line = "2 publishers on /action_chunk and /policy_node/action_chunk; one policy"
        assert policy.keep_alive_until(lambda: line in world.outputs(), COMMAND), world.outputs()
        world.node.destroy_publisher(other)
    else:
        policy.keep_alive_until(lambda: policy._sequence > 20, COMMAND)
        assert (policy.chunks.get_subscription_count(), policy.heartbeat.get_subscription_count()) == (0, 0)
        assert not answered()
    assert policy.commands == []


def test_a_fault_outlasts_deactivation(world, tmp_path):
    policy = Policy(world, CONTRACT, tmp_path)
    intruder = world.node.create_publisher(Float64MultiArray, "native_command", 10)
    assert world.spin_until(lambda: any(trace.refusal for trace in policy.traces)), world.outputs()
    world.node.destroy_publisher(intruder)
    assert world.spin_until(lambda: world.node.count_publishers("native_command") == 1)
    assert world.change_state("command_node", Transition.TRANSITION_DEACTIVATE)
    assert world.change_state("command_node", Transition.TRANSITION_ACTIVATE)
    assert not world.call(StartEpisode, "command_node/start_episode").success
    assert world.call(Trigger, "command_node/reset_fault").message.startswith("cleared: 1 other publisher")


@pytest.mark.parametrize("transition", [Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_ACTIVE_SHUTDOWN])
def test_leaving_the_active_state_in_motion_holds_once_and_listens_no_more(world, tmp_path, transition):
    policy = Policy(world, CONTRACT, tmp_path, chunk_timeout_s=5.0, heartbeat_timeout_s=5.0)
    assert policy.keep_alive_until(lambda: len(policy.commands) >= 5, COMMAND)
    assert world.change_state("command_node", transition)
    assert world.spin_until(lambda: policy.commands[-1] == HOLD), policy.commands[-3:]
    assert policy.commands.count(HOLD) == 1
    assert world.spin_until(lambda: policy.chunks.get_subscription_count() == 0)
    count = len(policy.commands)
    world.spin_for(0.2)
    assert len(policy.commands) == count
    writers = int(transition == Transition.TRANSITION_DEACTIVATE)
    assert world.spin_until(lambda: world.node.count_publishers("native_command") == writers)


def test_a_chunk_from_the_future_is_refused(world, tmp_path):
    policy = Policy(world, CONTRACT, tmp_path)
    ahead = time_message(time.time_ns() + 3600 * 10**9)
    for _ in range(3):
        policy.beat()
        policy.send(COMMAND, observation_stamp=ahead)
        world.spin_for(0.05)
    assert policy.commands == []
    assert "ms in the future; synchronise the clocks" in world.outputs()


def test_a_chunk_that_has_ended_is_refused(world, tmp_path):
    policy = Policy(world, CONTRACT, tmp_path)
    for _ in range(3):
        policy.beat()
        policy.send(COMMAND, observation_stamp=time_message(time.time_ns() - 2 * 10**9))
        world.spin_for(0.05)
    assert policy.commands == []
    assert "ms ago; synchronise the clocks" in world.outputs()


def test_a_stop_ends_though_the_ros_clock_stands(tmp_path):
    with graph(tmp_path, use_sim_time=True) as world:
        policy = Policy(world, CONTRACT, tmp_path)
        robot = FakeRobot(world, CONTRACT)
        told = 10**12

        def streaming() -> bool:
            nonlocal told
            told += CONTRACT.dt_ns // 4
            robot.tell_time(told)
            policy.beat()
            policy.send(COMMAND, observation_stamp=time_message(told))
            return len(policy.commands) > 10

        assert world.spin_until(streaming), world.outputs()
        robot.tell_time(told // 2)  # and from here on no more
        assert world.spin_until(lambda: policy.commands[-1] == HOLD), world.outputs()
        world.spin_for(0.4)
        count = len(policy.commands)
        assert policy.commands.count(HOLD) > 1
        world.spin_for(0.3)
        assert len(policy.commands) == count


@pytest.mark.skipif("embedded_ros" not in str(rclpy.__file__), reason="only the embedded runtime asks Python's clock")
def test_a_system_clock_that_is_set_back_is_a_stop_and_what_comes_by_the_new_time_is_followed(
    world, tmp_path, monkeypatch
):
    offset = tmp_path / "offset_ns"
    offset.write_text("0")
    (tmp_path / "sitecustomize.py").write_text(
        "import pathlib, time\n"
        "real = time.time_ns\n"
        f"time.time_ns = lambda: real() + int(pathlib.Path({str(offset)!r}).read_text())\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    policy = Policy(world, CONTRACT, tmp_path)
    assert policy.keep_alive_until(lambda: len(policy.commands) >= 10, COMMAND), world.outputs()
    hour_ns = 3600 * 10**9
    (tmp_path / "new_ns").write_text(str(-hour_ns))
    (tmp_path / "new_ns").replace(offset)
    before = len(policy.commands)

    def goes_on() -> bool:
        policy.beat()
        policy.send(COMMAND, observation_stamp=time_message(time.time_ns() - hour_ns))
        since = policy.commands[before:]
        return HOLD in since and COMMAND in since[since.index(HOLD) :]

    assert world.spin_until(goes_on), world.outputs()
    assert "clock_set_back" in interventions(policy.traces)


def test_chunks_that_are_not_of_the_contract_are_refused(world, tmp_path):
    policy = Policy(world, CONTRACT, tmp_path)
    cases = [
        ({"task": "test/push"}, "task 'test/push', 'test/reach' expected"),
        ({"names": ["dy", "dx", "gripper"]}, "('dx', 'dy', 'gripper') expected"),
        ({"kind": "ee_pose"}, "kind 'ee_pose', 'native' expected"),
        ({"targets": [0.0]}, "targets 1, 150 expected"),
        ({"targets": [float("nan")] * 150}, "target 0 has dx = nan"),
        ({"horizon": 51, "targets": COMMAND * 51}, "horizon 51, 50 expected"),
        ({"dt": 0.0}, "dt in ns 0, 20000000 expected"),
        ({"dt": 0.01}, "dt in ns 10000000, 20000000 expected"),
        ({"dt": float("nan")}, "dt in ns nan, 20000000 expected"),
    ]
    for changes, line in cases:

        def refused(changes: dict = changes, line: str = line) -> bool:
            policy.beat()
            policy.send(COMMAND, **changes)
            world.spin_for(0.05)
            return line in world.outputs()

        assert world.spin_until(refused), world.outputs()
    assert COMMAND not in policy.commands


def test_dry_run_traces_but_leaves_the_robots_topic_alone(world, tmp_path):
    policy = Policy(world, CONTRACT, tmp_path, dry_run=True)
    assert policy.keep_alive_until(lambda: len(policy.traces) >= 3, COMMAND)
    assert all(trace.commands == 0 for trace in policy.traces)
    assert world.node.count_publishers("native_command") == 0
    assert policy.commands == []


def test_start_episode_forgets_the_chunks(world, tmp_path):
    policy = Policy(world, CONTRACT, tmp_path, chunk_timeout_s=5.0)
    assert policy.keep_alive_until(lambda: len(policy.commands) >= 3, COMMAND)
    assert world.call(StartEpisode, "command_node/start_episode", StartEpisode.Request(seed=1)).success
    world.spin_for(0.1)
    count = len(policy.commands)
    world.spin_for(0.3)
    assert len(policy.commands) == count


def test_another_checkpoint_is_taken_while_nothing_is_configured(world, tmp_path):
    policy = Policy(world, CONTRACT, tmp_path)
    other = tmp_path / "other.yaml"
    CONTRACT.model_copy(update={"task": "test/push"}).save(other)
    answer = world.set_parameter("command_node", "checkpoint", str(other))
    assert (answer.successful, "deactivate and clean up the node" in answer.reason) == (False, True), answer.reason
    assert world.change_state("command_node", Transition.TRANSITION_DEACTIVATE)
    assert world.change_state("command_node", Transition.TRANSITION_CLEANUP)
    assert world.set_parameter("command_node", "checkpoint", str(tmp_path / "missing")).successful
    assert not world.change_state("command_node", Transition.TRANSITION_CONFIGURE)
    assert world.set_parameter("command_node", "checkpoint", str(other)).successful
    assert world.change_state("command_node", Transition.TRANSITION_CONFIGURE)
    assert world.change_state("command_node", Transition.TRANSITION_ACTIVATE)

    def commanded() -> bool:
        policy.beat()
        policy.send(COMMAND, task="test/push")
        return bool(policy.commands)

    assert world.spin_until(commanded), world.outputs()


# --- poses


def test_poses_start_from_where_the_robot_stands_and_move_within_limits(world, tmp_path):
    contract = pose_contract()
    poses: list[PoseStamped] = []
    grips: list[float] = []
    world.node.create_subscription(PoseStamped, "target_pose", poses.append, 50)
    world.node.create_subscription(Float64, "gripper_command", lambda message: grips.append(message.data), 50)
    policy = Policy(world, contract, tmp_path, sink="pose")
    goal = [0.1, -0.1, 0.2, 0.0, 0.0, 0.0, 1.0, 1.0]

    assert policy.keep_alive_until(lambda: "the robot's position is unknown" in world.outputs(), goal)
    assert poses == []

    robot = FakeRobot(world, contract)
    stand = [0.3, 0.2, 0.1, 0.0, 0.0, 0.0, 1.0]

    def arrived() -> bool:
        robot.tell_pose(time.time_ns(), stand)
        return bool(poses) and abs(poses[-1].pose.position.x - goal[0]) < 1e-3

    assert policy.keep_alive_until(arrived, goal)
    path = np.array([[p.pose.position.x, p.pose.position.y, p.pose.position.z] for p in poses])
    assert path[0] == pytest.approx(stand[:3], abs=1e-3)
    assert np.abs(np.diff(path, axis=0)).max() <= 0.5 * contract.dt + 1e-9
    assert {pose.header.frame_id for pose in poses} == {"base"}
    stamps = [pose.header.stamp.sec + pose.header.stamp.nanosec * 1e-9 for pose in poses]
    assert abs(stamps[-1] - time.time()) < 5
    assert grips[-1] == 1.0


def test_a_stop_leaves_an_unmeasured_gripper_as_it_was_last_sent(world, tmp_path):
    contract = pose_contract().model_copy(update={"horizon": 1000})
    poses: list[PoseStamped] = []
    grips: list[float] = []
    world.node.create_subscription(PoseStamped, "target_pose", poses.append, 50)
    world.node.create_subscription(Float64, "gripper_command", lambda message: grips.append(message.data), 50)
    policy = Policy(world, contract, tmp_path, sink="pose", max_age_s=1.0)
    robot = FakeRobot(world, contract)
    closed = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]

    def stopped(more: int) -> bool:
        """Chunks of too old observations: the robot is held."""
        robot.tell_pose(time.time_ns(), closed[:7])
        policy.beat()
        policy.send(closed, observation_stamp=time_message(time.time_ns() - 2 * 10**9))
        return len(poses) >= more

    def follows() -> bool:
        robot.tell_pose(time.time_ns(), closed[:7])
        return bool(grips)

    assert world.spin_until(lambda: stopped(5)), world.outputs()
    assert grips == []  # where it stands is unknown: it is told nothing
    assert policy.keep_alive_until(follows, closed), world.outputs()
    assert world.call(StartEpisode, "command_node/start_episode").success
    count = len(poses)
    assert world.spin_until(lambda: stopped(count + 10)), world.outputs()
    assert set(grips) == {1.0}


@pytest.mark.parametrize(
    ("age_ns", "frame", "line"),
    [
        (10**9, None, "the last one is 10"),
        (-(10**9), None, "the robot's position lies"),
        (0, "camera", "current_pose is in frame 'camera', the contract's base frame is 'base'"),
    ],
)
def test_a_pose_that_says_nothing_of_now_is_no_start(world, tmp_path, age_ns, frame, line):
    contract = pose_contract()
    poses: list[PoseStamped] = []
    world.node.create_subscription(PoseStamped, "target_pose", poses.append, 50)
    policy = Policy(world, contract, tmp_path, sink="pose")
    robot = FakeRobot(world, contract)

    def refused() -> bool:
        robot.tell_pose(time.time_ns() - age_ns, [0.0] * 6 + [1.0], frame)
        return line in world.outputs()

    assert policy.keep_alive_until(refused, [0.0] * 6 + [1.0, 0.0]), world.outputs()
    assert poses == []


def test_an_arm_without_motion_limits_is_refused(world, tmp_path):
    contract = pose_contract()
    free = [entry.model_copy(update={"max_velocity": None}) for entry in contract.action.entries]
    action = contract.action.model_copy(update={"entries": tuple(free)})
    contract.model_copy(update={"action": action}).save(tmp_path / "contract.yaml")
    process = world.start("command_node", checkpoint=tmp_path / "contract.yaml", sink="pose")
    assert world.spin_until(lambda: "not configured" in process.output)
    assert "ee.qw: no max_velocity" in process.output
    assert "gripper" not in process.output


@pytest.mark.parametrize(
    ("contract", "sink", "limits", "line"),
    [
        (pose_contract(), "pose", {"arm_translation": [1.0, 0.0, 0.0]}, "ee.z: velocity 0.866 exceeds 0.5 of the 1"),
        (
            pose_contract(),
            "pose",
            {"arm_rotation": [1.0, 0.0, 0.0], "arm_share": 0.9},
            "ee.qw: velocity 1 exceeds 0.9 of the 1",
        ),
        (
            joint_contract(),
            "forward_position",
            {"arm_joint_velocity": [9.0], "arm_joint_acceleration": [99.0], "arm_joint_jerk": [120.0, 240.0]},
            "joint0: jerk 120 exceeds 0.5 of the 120",
        ),
    ],
    ids=["translation", "rotation", "joints"],
)
def test_a_contract_beyond_the_arm_s_own_limits_is_refused(world, tmp_path, contract, sink, limits, line):
    contract.save(tmp_path / "contract.yaml")
    process = world.start("command_node", checkpoint=tmp_path / "contract.yaml", sink=sink, **limits)
    assert world.spin_until(lambda: "not configured" in process.output), process.output
    assert f"{line} that the arm allows; lower it in the contract" in process.output


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    ("contract", "parameters", "line"),
    [
        (CONTRACT, {"sink": "pose"}, "sink 'pose' takes 'ee_pose' actions"),
        (joint_contract(), {"gripper": "franka"}, "gripper 'franka': the action has no entry named gripper"),
    ],
    ids=["sink", "gripper"],
)
def test_a_contract_without_what_sink_or_gripper_want_is_refused(world, tmp_path, contract, parameters, line, dry_run):
    """In a dry run, too, which sends nothing: what it leaves out must not fail in the first real run."""
    contract.save(tmp_path / "contract.yaml")
    process = world.start("command_node", checkpoint=tmp_path / "contract.yaml", dry_run=dry_run, **parameters)
    assert world.spin_until(lambda: "not configured" in process.output)
    assert line in process.output


def test_an_activation_that_fails_half_way_leaves_nothing_behind(world, tmp_path):
    CONTRACT.save(tmp_path / "contract.yaml")
    process = world.start("command_node", checkpoint=tmp_path / "contract.yaml", recovery_action="no name")
    assert world.spin_until(lambda: "on_activate raised" in process.output), world.outputs()
    assert "Traceback" in process.output
    assert world.spin_until(lambda: world.node.count_publishers("native_command") == 0)
    assert world.node.count_subscribers("action_chunk") == 0


def test_a_workspace_that_is_no_number_is_refused_at_start(world, tmp_path):
    pose_contract().save(tmp_path / "contract.yaml")
    low, high = "[-0.5, -0.5, .nan]", [0.5, 0.5, 0.5]
    process = world.start(
        "command_node", checkpoint=tmp_path / "contract.yaml", sink="pose", workspace_low=low, workspace_high=high
    )
    assert world.spin_until(lambda: process.process.poll() is not None), process.output
    assert process.output == "error: workspace_low is [-0.5, -0.5, nan]; give finite numbers (m)\n"


def test_relative_actions_need_the_workspace(world, tmp_path):
    pose_contract("ee_delta").save(tmp_path / "contract.yaml")
    process = world.start("command_node", checkpoint=tmp_path / "contract.yaml", sink="pose")
    assert world.spin_until(lambda: "not configured" in process.output)
    assert "workspace of 'ee.x' is [0.0, 0.0]" in process.output
