"""The policy node as a process: what it answers, what it refuses, and that its answers are those of a direct run."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rclpy
from builtin_interfaces.msg import Time
from helpers.contracts import small_contract
from helpers.domain import own_domain
from helpers.fake_robot import QUATERNION, FakeRobot, camera_transform, depth_image, state_values, time_message
from helpers.graph import Graph, graph
from helpers.linear_policy import LinearPolicy
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.lifecycle import TransitionCallbackReturn
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.contract import Contract
from sdm_core.perception.point_cloud import CloudPipeline, Extrinsics, deproject, depth_to_metres
from sdm_core.runtime.observation_window import ObservationWindow
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_interfaces.msg import ActionChunk, Heartbeat
from sdm_interfaces.srv import StartEpisode
from sdm_policy_node.policy.policy_node import PolicyNode
from sensor_msgs.msg import PointCloud2
from sensor_msgs_py.point_cloud2 import create_cloud_xyz32
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

EPISODE_NS = 1_000_000_000_000
CONTRACT = small_contract()
DT = CONTRACT.dt_ns


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Graph]:
    with graph(tmp_path, use_sim_time=True) as made:
        yield made


@pytest.fixture
def checkpoint_folder(tmp_path: Path) -> Path:
    return LinearPolicy(CONTRACT).write(tmp_path / "policy").path


def start_policy(world: Graph, folder: Path, **parameters) -> FakeRobot:
    settings = {"command": "inline", "reliable_sensors": True, "startup_wait_s": 0.0, "state_timeout_s": 0.3}
    world.start("policy_node", checkpoint=folder, backend="onnxruntime", **{**settings, **parameters})
    robot = FakeRobot(world, CONTRACT)
    robot.await_policy()
    assert world.call(StartEpisode, "policy_node/start_episode", StartEpisode.Request(seed=7)).success
    return robot


def observe(robot: FakeRobot, step: int, *, depth: bool = True, image_first: bool = False) -> int:
    """Publishes the observation of a step and gives its stamp."""
    stamp = EPISODE_NS + step * DT
    robot.tell_time(stamp)
    if depth and image_first:
        robot.tell_image(stamp, depth_image(step, CONTRACT))
    robot.tell_state(stamp, state_values(step, CONTRACT))
    if depth:
        robot.tell_info(stamp)
        if not image_first:
            robot.tell_image(stamp, depth_image(step, CONTRACT))
    return stamp


def direct_commands(folder: Path, robot: FakeRobot, steps: int, seed: int, contract: Contract = CONTRACT) -> list:
    """What a direct run of the same observations commands."""
    runtime = PolicyRuntime(folder, "onnxruntime")
    window, pipeline = ObservationWindow(contract), CommandPipeline(contract)
    assert contract.observation.cloud
    clouds = CloudPipeline(contract.observation.cloud)
    runtime.start_episode(seed)
    commands = []
    for step in range(steps):
        stamp = step * DT
        window.add_state(stamp, state_values(step, contract))
        if step % contract.n_action_steps == 0:
            cloud = clouds.from_depth(depth_image(step, contract), "16UC1", robot.intrinsics, robot.extrinsics)
            window.add_cloud(stamp, cloud)
            pipeline.add(runtime.infer(window.policy_input(stamp)))
        command = pipeline.tick(stamp).command
        assert command is not None
        commands.append(command.tolist())
    return commands


@pytest.mark.parametrize("camera_every", [1, 2])
def test_lockstep_commands_equal_those_of_a_direct_run_bit_for_bit(world, checkpoint_folder, camera_every):
    robot = start_policy(world, checkpoint_folder)
    steps = 8
    for step in range(steps):
        depth = step % camera_every == 0
        stamp = observe(robot, step, depth=depth, image_first=step % 4 == 2)
        if depth:
            trace = robot.trace_of(stamp)
            assert trace.refusal == ""
            assert trace.commands == (CONTRACT.n_action_steps if step % CONTRACT.n_action_steps == 0 else 0)
    assert world.spin_until(lambda: len(robot.commands) >= steps)
    assert robot.commands == direct_commands(checkpoint_folder, robot, steps, seed=7)
    times = [trace for trace in robot.traces if trace.commands]
    assert all(0 < trace.inference_ms < trace.loop_ms and trace.cloud_ms > 0 for trace in times)


def test_an_episode_can_be_repeated(world, checkpoint_folder):
    robot = start_policy(world, checkpoint_folder)
    for episode in range(2):
        world.call(StartEpisode, "policy_node/start_episode", StartEpisode.Request(seed=3))
        for step in (0, 1, 2):
            stamp = EPISODE_NS * (episode + 1) + step * DT
            robot.tell_time(stamp)
            robot.tell_state(stamp, state_values(step, CONTRACT))
            if step % 2 == 0:
                robot.tell_info(stamp)
                robot.tell_image(stamp, depth_image(step, CONTRACT))
                assert robot.trace_of(stamp).commands == 2
    assert world.spin_until(lambda: len(robot.commands) == 8)
    assert robot.commands[:4] == robot.commands[4:]


def test_reordered_joints_among_others_give_the_same_command(world, checkpoint_folder):
    robot = start_policy(world, checkpoint_folder)
    robot.tell_time(EPISODE_NS)
    values = state_values(0, CONTRACT)
    names = [*reversed(CONTRACT.state_names), "another_joint"]
    robot.tell_state(EPISODE_NS, [*reversed(values), 9.0], names)
    robot.tell_info(EPISODE_NS)
    robot.tell_image(EPISODE_NS, depth_image(0, CONTRACT))
    assert robot.trace_of(EPISODE_NS).commands == 2
    assert world.spin_until(lambda: len(robot.commands) == 2)
    assert robot.commands == direct_commands(checkpoint_folder, robot, 2, seed=7)


def test_what_cannot_be_used_is_refused_and_nothing_moves(world, checkpoint_folder):
    """One process sees every bad input in turn, and then still answers a good one."""
    robot = start_policy(world, checkpoint_folder)
    good_image, good_state = depth_image(0, CONTRACT), state_values(0, CONTRACT)
    nan_state = good_state.copy()
    nan_state[2] = np.nan
    cases = [
        ("depth encoding 'mono8' is not supported", {"image": good_image.astype(np.uint8), "encoding": "mono8"}),
        ("malformed", {"image": good_image[:, :8], "encoding": "32FC1"}),
        ("none of 0 valid points", {"image": np.zeros_like(good_image)}),
        ("none of 0 valid points", {"image": np.full(good_image.shape, np.nan, np.float32), "encoding": "32FC1"}),
        ("depth image is 8×12, camera_info says 16×12", {"image": np.ascontiguousarray(good_image[:, :8])}),
        ("hand.z is not finite", {"state": nan_state}),
        ("state lacks gap", {"state": good_state[:3], "names": CONTRACT.state_names[:3]}),
        ("no state has come yet", {"state": None}),
        ("camera_info says 8×12, the contract 16×12", {"info_width": 8}),
    ]
    for step, (reason, case) in enumerate(cases):
        stamp = EPISODE_NS + step * 100 * DT
        robot.tell_time(stamp)
        world.call(StartEpisode, "policy_node/start_episode", StartEpisode.Request(seed=7))
        state = case.get("state", good_state)
        if state is not None:
            robot.tell_state(stamp, state, case.get("names"))
        robot.tell_info(stamp, width=case.get("info_width"))
        robot.tell_image(stamp, case.get("image", good_image), case.get("encoding", "16UC1"))
        trace = robot.trace_of(stamp)
        assert reason in trace.refusal
        assert trace.commands == 0
    stale = EPISODE_NS + 2_000 * DT
    robot.tell_time(stale + 10 * DT)
    robot.tell_state(stale, good_state)
    robot.tell_info(stale)
    robot.tell_image(stale, good_image)
    assert "ms old, 200 ms allowed" in robot.trace_of(stale).refusal
    assert robot.commands == []

    world.call(StartEpisode, "policy_node/start_episode", StartEpisode.Request(seed=7))
    stamp = observe(robot, 3_000)
    assert robot.trace_of(stamp).commands == 2
    assert "refused" in world.outputs()


def test_without_the_cameras_pose_frames_are_refused(world, checkpoint_folder):
    world.start(
        "policy_node",
        checkpoint=checkpoint_folder,
        backend="onnxruntime",
        command="inline",
        reliable_sensors=True,
        startup_wait_s=0.0,
    )
    robot = FakeRobot(world, CONTRACT, publish_tf=False)
    robot.await_policy()
    stamp = observe(robot, 0)
    assert "tf knows no pose of 'camera_depth_optical_frame' in 'world'" in robot.trace_of(stamp).refusal
    assert robot.commands == []


def test_chunk_mode_publishes_chunks_with_a_heartbeat_and_no_commands(world, checkpoint_folder):
    chunks: list[ActionChunk] = []
    beats: list[Heartbeat] = []
    world.node.create_subscription(ActionChunk, "action_chunk", chunks.append, 10)
    world.node.create_subscription(Heartbeat, "heartbeat", beats.append, 10)
    robot = start_policy(world, checkpoint_folder, command="chunk")
    stamp = observe(robot, 0)
    assert robot.trace_of(stamp).refusal == ""
    assert world.spin_until(lambda: len(chunks) == 1 and len(beats) >= 5)
    chunk = chunks[0]
    assert (chunk.task, chunk.kind, list(chunk.names)) == ("test/reach", "native", ["dx", "dy", "gripper"])
    assert (chunk.horizon, chunk.dt) == (CONTRACT.horizon, pytest.approx(CONTRACT.dt))
    assert chunk.observation_stamp == Time(sec=1000, nanosec=0)
    rows = np.array(chunk.targets).reshape(chunk.horizon, 3)
    assert rows[0].tolist() == direct_commands(checkpoint_folder, robot, 1, seed=7)[0]
    assert robot.commands == []


def test_a_camera_that_never_gives_an_image_is_named_in_the_heartbeat_and_once_in_the_log(world, checkpoint_folder):
    beats: list[Heartbeat] = []
    world.node.create_subscription(Heartbeat, "heartbeat", beats.append, 10)
    settings = {"startup_wait_s": 0.0, "camera_namespace": "elsewhere"}
    world.start("policy_node", checkpoint=checkpoint_folder, backend="onnxruntime", **settings)
    line = "no image has come on '/elsewhere/camera/depth/image_rect_raw' for 2 s; is the driver running"
    assert world.spin_until(lambda: bool(beats) and beats[-1].refusal.startswith(line)), world.outputs()
    assert beats[0].refusal == ""
    world.spin_for(0.5)
    assert world.outputs().count("no image has come") == 1


def test_a_state_that_no_demonstration_shows_is_told_of_and_answered_all_the_same(world, checkpoint_folder):
    robot = start_policy(world, checkpoint_folder)
    stamp = EPISODE_NS
    robot.tell_time(stamp)
    robot.tell_state(stamp, [0.0, 0.0, 2.0, 0.0])  # the others lie within ±1, as all demonstrations do
    robot.tell_info(stamp)
    robot.tell_image(stamp, depth_image(0, CONTRACT))
    trace = robot.trace_of(stamp)
    assert (trace.refusal, trace.commands) == ("", CONTRACT.n_action_steps)
    line = "state hand.z = 2.00 lies outside the demonstrations' -1.00 … 1.00: the policy extrapolates"
    assert world.spin_until(lambda: line in world.outputs()), world.outputs()


def test_a_point_cloud_gives_what_the_depth_image_gives(world, checkpoint_folder):
    robot = start_policy(world, checkpoint_folder, observation_source="points", sink="native")
    clouds = world.node.create_publisher(PointCloud2, "camera/camera/depth/color/points", 10)
    assert world.spin_until(lambda: clouds.get_subscription_count() > 0)
    points = deproject(depth_to_metres(depth_image(0, CONTRACT), "16UC1"), robot.intrinsics)

    def publish(stamp: int, xyz: np.ndarray) -> None:
        robot.tell_time(stamp)
        robot.tell_state(stamp, state_values(0, CONTRACT))
        header = Header(frame_id="camera_depth_optical_frame")
        header.stamp = Time(sec=stamp // 10**9, nanosec=stamp % 10**9)
        clouds.publish(create_cloud_xyz32(header, xyz))

    publish(EPISODE_NS, np.full_like(points, np.nan))
    assert "none of 0 valid points" in robot.trace_of(EPISODE_NS).refusal
    world.call(StartEpisode, "policy_node/start_episode", StartEpisode.Request(seed=7))
    # ordered clouds carry invalid points at the origin
    publish(EPISODE_NS + DT, np.concatenate([np.zeros((5, 3), np.float32), points]))
    assert robot.trace_of(EPISODE_NS + DT).commands == 2
    assert world.spin_until(lambda: len(robot.commands) == 2)
    assert robot.commands == direct_commands(checkpoint_folder, robot, 2, seed=7)


def test_dry_run_does_everything_but_command(world, checkpoint_folder):
    robot = start_policy(world, checkpoint_folder, dry_run=True)
    trace = robot.trace_of(observe(robot, 0))
    assert trace.commands == 0
    assert trace.inference_ms > 0
    assert world.node.count_publishers("native_command") == 0


@pytest.mark.parametrize("back_s", [5, 30])
def test_after_the_clock_was_set_back_a_moving_camera_s_old_poses_do_not_count(world, checkpoint_folder, back_s):
    settings = {"command": "inline", "reliable_sensors": True, "startup_wait_s": 0.0, "state_timeout_s": 0.3}
    world.start("policy_node", checkpoint=checkpoint_folder, backend="onnxruntime", tf_timeout_s=1.0, **settings)
    robot = FakeRobot(world, CONTRACT, publish_tf=False)
    poses = world.node.create_publisher(TFMessage, "/tf", 100)
    robot.await_policy()
    assert world.spin_until(lambda: poses.get_subscription_count() == 1)

    def stand(step: int, height: float) -> None:
        transform = camera_transform((0.1, -0.05, height))
        transform.header.stamp = time_message(EPISODE_NS + step * DT)
        poses.publish(TFMessage(transforms=[transform]))

    now = 40 * 10**9 // DT  # steps since EPISODE_NS
    for step in range(now - 60, now + 2):
        stand(step, 0.2)
    assert robot.trace_of(observe(robot, now)).refusal == ""
    now -= back_s * 10**9 // DT
    assert "tf knows no pose" in robot.trace_of(observe(robot, now)).refusal  # the old clock's would be at hand
    stand(40 * 10**9 // DT + 2, 0.2)  # of the old clock, late
    assert world.call(StartEpisode, "policy_node/start_episode", StartEpisode.Request(seed=7)).success
    robot.commands.clear()
    for step in (now, now + 1, now + 2):
        stand(step, 0.3)
    stamp = EPISODE_NS + (now + 1) * DT
    robot.tell_time(stamp)
    robot.tell_state(stamp, state_values(0, CONTRACT))
    robot.tell_info(stamp)
    robot.tell_image(stamp, depth_image(0, CONTRACT))
    assert robot.trace_of(stamp).refusal == ""
    assert world.spin_until(lambda: len(robot.commands) == 2)
    robot.extrinsics = Extrinsics(QUATERNION, (0.1, -0.05, 0.3))
    assert robot.commands == direct_commands(checkpoint_folder, robot, 2, seed=7)


@pytest.mark.parametrize("command", ["chunk", "inline"])
def test_in_a_dry_run_it_says_nothing_that_a_robot_s_command_node_hears(world, checkpoint_folder, command):
    chunks: list[ActionChunk] = []
    beats: list[Heartbeat] = []
    world.node.create_subscription(ActionChunk, "policy_node/action_chunk", chunks.append, 10)
    world.node.create_subscription(Heartbeat, "policy_node/heartbeat", beats.append, 10)
    robot = start_policy(world, checkpoint_folder, command=command, dry_run=True)
    observe(robot, 0)
    assert world.spin_until(lambda: bool(chunks and beats)), world.outputs()
    assert world.node.count_publishers("action_chunk") == world.node.count_publishers("heartbeat") == 0


def test_it_is_a_lifecycle_node_and_silent_while_inactive(world, checkpoint_folder):
    robot = start_policy(world, checkpoint_folder)

    def state() -> int:
        return world.call(GetState, "policy_node/get_state").current_state.id

    def change(transition: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=transition))
        return world.call(ChangeState, "policy_node/change_state", request).success

    assert state() == State.PRIMARY_STATE_ACTIVE
    assert change(Transition.TRANSITION_DEACTIVATE)
    observe(robot, 0)
    world.spin_for(0.5)
    assert state() == State.PRIMARY_STATE_INACTIVE
    assert robot.traces == []
    assert change(Transition.TRANSITION_CLEANUP)
    assert world.spin_until(lambda: world.node.count_publishers("native_command") == 0)
    assert change(Transition.TRANSITION_CONFIGURE)
    assert change(Transition.TRANSITION_ACTIVATE)
    robot.await_policy()
    assert robot.trace_of(observe(robot, 1)).commands == 2


def test_an_inactive_one_makes_room_for_another_leader(world, checkpoint_folder):
    chunks: list[ActionChunk] = []
    world.node.create_subscription(ActionChunk, "action_chunk", chunks.append, 10)
    robot = start_policy(world, checkpoint_folder, command="chunk")

    def leaders() -> tuple[int, int]:
        return world.node.count_publishers("action_chunk"), world.node.count_publishers("heartbeat")

    assert world.spin_until(lambda: leaders() == (1, 1)), world.outputs()
    assert world.change_state("policy_node", Transition.TRANSITION_DEACTIVATE)
    assert world.spin_until(lambda: leaders() == (0, 0)), leaders()
    assert world.change_state("policy_node", Transition.TRANSITION_ACTIVATE)
    assert world.spin_until(lambda: leaders() == (1, 1)), leaders()
    steps = iter(range(0, 10_000, CONTRACT.n_action_steps))

    def heard() -> bool:
        robot.trace_of(observe(robot, next(steps)))
        return bool(chunks)

    assert world.spin_until(heard), world.outputs()


@pytest.fixture
def node(checkpoint_folder: Path) -> Iterator[PolicyNode]:
    """A configured node in this process, which nobody spins."""
    settings = (f"checkpoint:={checkpoint_folder}", "backend:=onnxruntime", "autostart:=false")
    given = [word for setting in settings for word in ("-p", setting)]
    rclpy.init(args=["policy", "--ros-args", *given], domain_id=own_domain())
    made = PolicyNode()
    assert made.trigger_configure() == TransitionCallbackReturn.SUCCESS
    yield made
    made.destroy_node()
    rclpy.shutdown()


def running(node: PolicyNode) -> tuple[int, int, int, list[str]]:
    """What an active node has beyond a configured one: timers, services, publishers, and its thread."""
    threads = [thread.name for thread in threading.enumerate() if thread.name == "policy_loop"]
    return len(list(node.timers)), len(list(node.services)), len(list(node.publishers)), threads


@pytest.mark.parametrize("leave", ["deactivate", "shutdown"])
def test_no_longer_active_it_has_no_heartbeat_no_service_and_no_thread(node, leave):
    before = running(node)
    assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS
    timers, services, publishers, threads = running(node)
    assert (timers, services, publishers, threads) == (
        before[0] + 1,
        before[1] + 1,
        before[2] + 2,
        ["policy_loop"],
    )
    assert getattr(node, f"trigger_{leave}")() == TransitionCallbackReturn.SUCCESS
    traces = leave == "shutdown"  # given up with what was configured
    assert running(node) == (before[0], before[1], before[2] - traces, [])


@pytest.mark.parametrize("failing", ["create_timer", "create_service"])
def test_an_activation_that_fails_half_way_can_be_tried_again(node, failing, monkeypatch):
    before = running(node)

    def fail(*_, **__) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as broken:
        broken.setattr(node, failing, fail)
        assert node.trigger_activate() == TransitionCallbackReturn.ERROR
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS  # on_error has cleaned up, too
    assert running(node) == before
    assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS


def test_the_crop_box_changes_with_the_next_frame_and_what_is_none_is_refused(world, checkpoint_folder):
    robot = start_policy(world, checkpoint_folder)
    high, own = [0.2, 0.3, 1.0], [math.nan] * 3
    cropped = small_contract(cloud={"crop_high": tuple(high)})
    for episode, (box, contract) in enumerate([(high, cropped), (own, CONTRACT)], start=1):
        assert world.set_parameter("policy_node", "crop_high", box).successful
        world.call(StartEpisode, "policy_node/start_episode", StartEpisode.Request(seed=7))
        robot.commands.clear()
        stamp = EPISODE_NS * episode
        robot.tell_time(stamp)
        robot.tell_state(stamp, state_values(0, CONTRACT))
        robot.tell_info(stamp)
        robot.tell_image(stamp, depth_image(0, CONTRACT))
        assert robot.trace_of(stamp).commands == 2
        assert world.spin_until(lambda: len(robot.commands) == 2)
        assert robot.commands == direct_commands(checkpoint_folder, robot, 2, seed=7, contract=contract)
    assert "clouds are cropped to (-1.0, -1.0, 0.0)–(0.2, 0.3, 1.0) (m); the policy was trained" in world.outputs()
    assert "clouds are cropped to the contract's box again" in world.outputs()
    assert world.set_parameter("policy_node", "crop_high", high).successful
    for value, line in (
        ([0.2, -1.0, 1.0], "crop box from y = -1 to -1; crop_low must lie below crop_high"),
        ([0.2, 0.3, math.inf], "crop_high is [0.2, 0.3, inf]; give three finite numbers"),
        ([0.2, 0.3], "crop_high is [0.2, 0.3]; give three finite numbers"),
    ):
        answer = world.set_parameter("policy_node", "crop_high", value)
        assert (answer.successful, line in answer.reason) == (False, True), answer.reason
    assert list(world.parameter("policy_node", "crop_high")) == high


def test_another_checkpoint_is_taken_while_nothing_is_configured(world, checkpoint_folder, tmp_path):
    other = LinearPolicy(CONTRACT, seed=1).write(tmp_path / "other").path
    process = world.start(
        "policy_node",
        checkpoint=tmp_path / "missing",
        backend="onnxruntime",
        command="inline",
        reliable_sensors=True,
        startup_wait_s=0.0,
        state_timeout_s=0.3,
    )
    robot = FakeRobot(world, CONTRACT)
    assert world.spin_until(lambda: "not configured" in process.output), process.output
    assert world.set_parameter("policy_node", "checkpoint", str(checkpoint_folder)).successful
    assert world.change_state("policy_node", Transition.TRANSITION_CONFIGURE)
    for refused_in in (State.PRIMARY_STATE_INACTIVE, State.PRIMARY_STATE_ACTIVE):
        answer = world.set_parameter("policy_node", "checkpoint", str(other))
        assert not answer.successful
        assert "deactivate and clean up the node, set it, then configure and activate" in answer.reason
        if refused_in == State.PRIMARY_STATE_INACTIVE:
            assert world.change_state("policy_node", Transition.TRANSITION_ACTIVATE)
    assert world.parameter("policy_node", "checkpoint") == str(checkpoint_folder)
    assert world.change_state("policy_node", Transition.TRANSITION_DEACTIVATE)
    assert world.change_state("policy_node", Transition.TRANSITION_CLEANUP)
    assert world.set_parameter("policy_node", "checkpoint", str(tmp_path / "missing")).successful
    assert not world.change_state("policy_node", Transition.TRANSITION_CONFIGURE)
    assert world.set_parameter("policy_node", "checkpoint", str(other)).successful
    assert world.change_state("policy_node", Transition.TRANSITION_CONFIGURE)
    assert world.change_state("policy_node", Transition.TRANSITION_ACTIVATE)
    robot.await_policy()
    assert world.call(StartEpisode, "policy_node/start_episode", StartEpisode.Request(seed=7)).success
    assert robot.trace_of(observe(robot, 0)).commands == 2
    assert world.spin_until(lambda: len(robot.commands) == 2)
    assert robot.commands == direct_commands(other, robot, 2, seed=7)


def test_commands_past_command_node_belong_to_a_simulated_clock(checkpoint_folder, tmp_path):
    with graph(tmp_path) as world:
        process = world.start(
            "policy_node", checkpoint=checkpoint_folder, backend="onnxruntime", command="inline", startup_wait_s=0.0
        )
        assert world.spin_until(lambda: "not configured" in process.output), process.output
        assert "not configured: command:=inline writes to the robot past command_node's checks" in process.output
        assert "set command:=chunk, and start command_node" in process.output
        assert world.node.count_publishers("native_command") == 0


@pytest.mark.parametrize(
    ("break_it", "line"),
    [
        (lambda folder: (folder / "model.onnx").write_bytes(b"truncated"), "model.onnx"),
        (lambda folder: (folder / "contract.yaml").unlink(), "lacks contract.yaml"),
        (lambda folder: (folder / "contract.yaml").write_text("task: [1"), "not valid YAML"),
    ],
)
def test_a_broken_checkpoint_leaves_it_unconfigured_with_one_line(world, checkpoint_folder, break_it, line):
    break_it(checkpoint_folder)
    process = world.start("policy_node", checkpoint=checkpoint_folder, backend="onnxruntime", startup_wait_s=0.0)
    assert world.spin_until(lambda: "not configured" in process.output), process.output
    assert line in process.output
    assert "Traceback" not in process.output
    assert world.call(GetState, "policy_node/get_state").current_state.id == State.PRIMARY_STATE_UNCONFIGURED


def test_more_executed_actions_than_a_chunk_has_leave_it_unconfigured_with_one_line(world, checkpoint_folder):
    process = world.start(
        "policy_node", checkpoint=checkpoint_folder, backend="onnxruntime", startup_wait_s=0.0, replan_steps=5
    )
    assert world.spin_until(lambda: "not configured" in process.output), process.output
    assert "replan_steps 5: choose from 1 to 4, the actions of a chunk" in process.output
    assert "Traceback" not in process.output


def test_sensors_that_contradict_the_contract_keep_it_from_configuring(world, checkpoint_folder):
    process = world.start(
        "policy_node", checkpoint=checkpoint_folder, backend="onnxruntime", reliable_sensors=True, startup_wait_s=3.0
    )
    robot = FakeRobot(world, CONTRACT)
    node = world.node
    topics = ("camera/camera/depth/image_rect_raw", "camera/camera/depth/camera_info", "joint_states")
    assert world.spin_until(lambda: all(node.count_subscribers(topic) for topic in topics))

    def tell_until_configured() -> bool:
        robot.tell_info(EPISODE_NS, width=64)
        robot.tell_image(EPISODE_NS, np.zeros((12, 16), np.uint8), "mono8")
        robot.tell_state(EPISODE_NS, [0.0], ["elbow"])
        return "not configured" in process.output

    assert world.spin_until(tell_until_configured), process.output
    assert "camera_info says 64×12, the contract 16×12" in process.output
    assert "depth encoding is 'mono8'" in process.output
    assert "joint_states lack gap, hand.x, hand.y, hand.z" in process.output


def test_a_wrong_choice_ends_the_process_with_one_line(world, checkpoint_folder):
    process = world.start("policy_node", checkpoint=checkpoint_folder, observation_source="lidar")
    assert process.process.wait(20) == 1
    assert "parameter observation_source: 'lidar' is not one of depth, points" in process.output
    assert "Traceback" not in process.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(world, checkpoint_folder, number):
    start_policy(world, checkpoint_folder)
    process = world.processes[0]
    assert process.end(number) == 0
    assert "Traceback" not in process.output
