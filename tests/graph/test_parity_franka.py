"""The Franka cell through the graph: the same actions as directly, by the topics of the real cell."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from helpers.bridge import bridge
from helpers.graph import Graph, graph
from helpers.linear_policy import LinearPolicy
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rclpy.time import Time
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_interfaces.msg import PolicyTrace
from sdm_sim.bridge.command_inbox import CommandInbox, PoseTarget
from sdm_sim.bridge.lockstep import Lockstep
from sdm_sim.franka import fr3
from sdm_sim.franka.cell import FrankaTask
from sdm_sim.franka.pick_place import PickPlace
from sdm_sim.rollout import EpisodeResult, run_episode
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64
from tf2_ros import Buffer, TransformListener

TASK = "franka/pick-place"
SEEDS = (3, 4)
# A policy that knows nothing need not run for ten seconds.
STEPS = 40
# Over the table, pointing down, the gripper as often told to close as to open.
MIDDLE = (0.45, 0.0, 0.35, 1.0, 0.0, 0.0, 0.0, 0.5)


def cell(name: str = TASK) -> FrankaTask:
    task = FrankaTask(name, PickPlace())
    task.step_limit = STEPS
    return task


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Targets about the middle of the cell that depend on all that is observed, and on the noise."""
    task = cell()
    policy = LinearPolicy(task.contract, seed=5, gain=0.12, noise_gain=0.04)
    policy.bias += np.tile(np.array(MIDDLE, np.float32), task.contract.horizon)
    task.close()
    return policy.write(tmp_path_factory.mktemp("parity") / "policy").path


@pytest.fixture(scope="module")
def direct(checkpoint: Path) -> list[EpisodeResult]:
    task, runtime = cell(), PolicyRuntime(checkpoint)
    episodes = [run_episode(task, runtime, seed) for seed in SEEDS]
    task.close()
    return episodes


@pytest.fixture(autouse=True)
def short_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdm_sim.bridge.bridge_node.make_task", cell)


def test_the_policy_of_this_test_moves_the_arm_and_the_gripper(direct: list[EpisodeResult]) -> None:
    for episode in direct:
        assert (episode.success, episode.steps, episode.refused) == (False, STEPS, 0)
        assert np.ptp(episode.actions[:, :3], axis=0).min() > 0.02
        assert set(episode.actions[:, 7] > 0.5) == {True, False}


def test_lockstep_gives_the_actions_of_a_direct_run(
    checkpoint: Path, direct: list[EpisodeResult], tmp_path: Path
) -> None:
    with graph(tmp_path, use_sim_time=True) as nodes:
        nodes.start("policy_node", checkpoint=checkpoint, command="inline", sink="pose", reliable_sensors=True)
        with bridge(nodes, task=TASK, episodes=len(SEEDS), seed0=SEEDS[0]) as node:
            outcomes = node.run()
    for expected, found in zip(direct, outcomes, strict=True):
        assert (found.seed, found.success, found.steps) == (expected.seed, expected.success, expected.steps)
        assert np.abs(found.actions - expected.actions).max() <= 1e-6
        assert (found.misses, found.refused) == (0, 0)


def test_in_real_time_command_node_drives_the_arm(checkpoint: Path, tmp_path: Path) -> None:
    with graph(tmp_path, use_sim_time=True) as nodes:
        nodes.start("policy_node", checkpoint=checkpoint)
        nodes.start("command_node", checkpoint=checkpoint, sink="pose")
        with bridge(nodes, task=TASK, mode="realtime", episodes=1, seed0=3, camera_every=2) as node:
            (outcome,) = node.run()
    assert outcome.refused == 0
    assert outcome.misses < outcome.steps == STEPS
    # Held where it stands until the first command, and from there on in steps that an arm can follow.
    assert np.abs(outcome.actions[0, :3] - (0.307, 0.0, 0.487)).max() < 0.05
    assert np.abs(np.diff(outcome.actions[:, :3], axis=0)).max() < 0.1
    assert np.ptp(outcome.actions[:, :3], axis=0).max() > 0.02


def test_the_twin_is_commanded_and_tells_its_state_as_often_as_a_real_arm(checkpoint: Path, tmp_path: Path) -> None:
    poses: list[PoseStamped] = []
    # At half the speed, so that a busy machine keeps up, too.
    slow = {"mode": "realtime", "episodes": 1, "seed0": 3, "robot_hz": 100.0, "real_time_factor": 0.5}
    with graph(tmp_path, use_sim_time=True) as nodes:
        nodes.node.create_subscription(PoseStamped, "current_pose", poses.append, qos_profile_sensor_data)
        nodes.start("policy_node", checkpoint=checkpoint)
        nodes.start("command_node", checkpoint=checkpoint, sink="pose", rate_hz=100.0)
        with bridge(nodes, task=TASK, **slow) as node:
            (outcome,) = node.run()
        assert nodes.spin_until(lambda: len(poses) > 1)
    assert (outcome.refused, outcome.steps, len(outcome.actions)) == (0, STEPS, 5 * STEPS)
    assert outcome.misses < STEPS
    moves = np.abs(np.diff(outcome.actions[:, :3], axis=0)).max(axis=1)
    assert moves.max() < 0.1
    assert (moves[4:] > 0).reshape(STEPS - 1, 5).sum(axis=1).max() > 1  # several commands in a control period
    stamps = {Time.from_msg(pose.header.stamp).nanoseconds for pose in poses}
    assert min(np.diff(sorted(stamps))) == 10_000_000


LENS = "wrist_color_optical_frame"


class Listener:
    """All that a cell publishes, by topic."""

    TOPICS = (
        (Image, "camera/camera/depth/image_rect_raw"),
        (CameraInfo, "camera/camera/depth/camera_info"),
        (Image, "camera/wrist/depth/image_rect_raw"),
        (CameraInfo, "camera/wrist/depth/camera_info"),
        (JointState, "joint_states"),
        (JointState, "franka/joint_states"),
        (JointState, "franka_gripper/joint_states"),
        (PoseStamped, "current_pose"),
        (PoseStamped, "target_pose"),
        (Float64, "gripper_command"),
    )

    def __init__(self, nodes: Graph) -> None:
        self.heard: dict[str, list[Any]] = {}
        for kind, topic in self.TOPICS:
            take = self._taker(topic)
            nodes.node.create_subscription(kind, topic, take, qos_profile_sensor_data)
        self.buffer = Buffer()
        self._tf = TransformListener(self.buffer, nodes.node)

    def _taker(self, topic: str) -> Callable[[Any], None]:
        return self.heard.setdefault(topic, []).append


def test_the_cell_publishes_what_the_real_one_s_drivers_do(tmp_path: Path) -> None:
    with graph(tmp_path) as nodes:
        heard = Listener(nodes)
        with bridge(nodes, task=TASK) as node:
            task, sensors = node._task, node._sensors
            assert isinstance(task, FrankaTask)
            stamps = iter(range(10**9, 10**12, 10**7))

            def show() -> bool:
                stamp, frame = next(stamps), sensors.with_hand(task.observe())
                sensors.state(stamp, frame)
                sensors.images(stamp, frame)
                return all(heard.heard[topic] for _, topic in Listener.TOPICS[:8]) and tool_known()

            def tool_known() -> bool:
                return all(
                    heard.buffer.can_transform("fr3_link0", frame, Time())
                    for frame in ("fr3_hand_tcp", "camera_depth_optical_frame", "wrist_depth_optical_frame", LENS)
                )

            assert nodes.spin_until(show), {topic: len(messages) for topic, messages in heard.heard.items()}
            pose, frame, by_hand = task.robot.pose, task.observe(), task.wrist_depth()
            wrist = task.cameras["wrist"].extrinsics
    depth, info = (heard.heard[f"camera/camera/depth/{topic}"][0] for topic in ("image_rect_raw", "camera_info"))
    assert (depth.encoding, depth.width, depth.height) == ("16UC1", info.width, info.height)
    assert depth.header.frame_id == info.header.frame_id == "camera_depth_optical_frame"
    assert frame.depth is not None
    assert bytes(depth.data) == frame.depth.astype("<u2").tobytes()
    depth, info = (heard.heard[f"camera/wrist/depth/{topic}"][0] for topic in ("image_rect_raw", "camera_info"))
    assert depth.header.frame_id == info.header.frame_id == "wrist_depth_optical_frame"
    assert bytes(depth.data) == by_hand.astype("<u2").tobytes()
    assert list(heard.heard["joint_states"][0].name) == [*fr3.JOINTS, *fr3.FINGER_JOINTS]
    assert list(heard.heard["franka/joint_states"][0].name) == list(fr3.JOINTS)
    assert heard.heard["franka/joint_states"][0].position == pytest.approx(frame.values[:7])
    fingers = heard.heard["franka_gripper/joint_states"][0]
    assert (list(fingers.name), fingers.position) == (list(fr3.FINGER_JOINTS), pytest.approx([0.04, 0.04]))
    measured = heard.heard["current_pose"][0]
    assert measured.header.frame_id == "fr3_link0"
    assert _values(measured.pose.position, measured.pose.orientation) == pytest.approx(pose)
    look_up = partial(heard.buffer.lookup_transform, "fr3_link0", time=Time())
    tool = look_up("fr3_hand_tcp").transform
    assert _values(tool.translation, tool.rotation) == pytest.approx(pose)
    lens = look_up(LENS).transform
    assert _values(lens.translation, lens.rotation)[:3] == pytest.approx(wrist.translation, abs=1e-9)
    turn = np.dot(_values(lens.translation, lens.rotation)[3:], wrist.quaternion_xyzw)
    assert abs(turn) == pytest.approx(1.0)


def test_the_camera_at_the_hand_costs_nothing_while_nobody_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FrankaTask, "wrist_depth", lambda self: pytest.fail("nobody listens"))
    with graph(tmp_path) as nodes, bridge(nodes, task=TASK) as node:
        frame = node._sensors.with_hand(node._task.observe())
    assert frame.depth is not None
    assert frame.hand_depth is None


def test_the_cell_takes_the_real_one_s_commands(tmp_path: Path) -> None:
    with graph(tmp_path) as nodes, bridge(nodes, task=TASK) as node:
        reliable = QoSProfile(depth=1)
        poses = nodes.node.create_publisher(PoseStamped, "target_pose", reliable)
        grippers = nodes.node.create_publisher(Float64, "gripper_command", reliable)
        message = PoseStamped()
        message.header.frame_id = "fr3_link0"
        target = message.pose.position
        target.x, target.y, target.z = 0.5, 0.1, 0.3
        message.pose.orientation.x, message.pose.orientation.w = 1.0, 0.0
        assert isinstance(node._world, Lockstep)
        actuation, world = node._world._actuation, node._task
        assert isinstance(world, FrankaTask)

        def commanded() -> bool:
            grippers.publish(Float64(data=1.0))
            poses.publish(message)
            command, _ = node._inbox.newest()
            if isinstance(command, PoseTarget) and command.gripper is not None:
                actuation.step(command)
            return len(actuation.stepped_with) >= 30

        assert nodes.spin_until(commanded)
    assert actuation.stepped_with[-1] == pytest.approx([0.5, 0.1, 0.3, 1.0, 0.0, 0.0, 0.0, 1.0])
    assert world.robot.pose[:3] == pytest.approx([0.5, 0.1, 0.3], abs=0.01)
    assert world.robot.width < 0.01


class Ears:
    """In a node's place: what is told to a topic is heard at once, in the order of the test."""

    def __init__(self) -> None:
        self.tell: dict[str, Callable[[Any], None]] = {}
        self.context = self

    def ok(self) -> bool:
        return True

    def create_subscription(self, kind: type, topic: str, take: Callable[[Any], None], qos: QoSProfile) -> None:
        self.tell[topic] = take


def pose_message(x: float) -> PoseStamped:
    message = PoseStamped()
    message.header.frame_id = "fr3_link0"
    message.pose.position.x = x
    return message


@pytest.mark.parametrize("order", ["poses first", "grippers first", "in turn"])
def test_a_chunk_s_poses_have_their_own_gripper_commands_in_whatever_order_they_come(order: str) -> None:
    ears = Ears()
    inbox = CommandInbox(ears, gripper=True)  # type: ignore[arg-type]
    poses = [("target_pose", pose_message(float(index))) for index in range(4)]
    grippers = [("gripper_command", Float64(data=value)) for value in (0.0, 1.0, 1.0, 0.0)]
    sent = {"poses first": poses + grippers, "grippers first": grippers + poses}
    turns = [message for pair in zip(grippers, poses, strict=True) for message in pair]
    for topic, message in sent.get(order, turns):
        ears.tell[topic](message)
    inbox.on_trace(PolicyTrace(commands=4))
    commands, refusal = inbox.answer(0, timeout_s=5.0, given_up=lambda: False)
    assert refusal == ""
    assert [(command.position[0], command.gripper) for command in commands if isinstance(command, PoseTarget)] == [
        (0.0, 0.0), (1.0, 1.0), (2.0, 1.0), (3.0, 0.0),
    ]  # fmt: skip


def test_in_real_time_the_newest_pose_has_the_newest_gripper_command() -> None:
    ears = Ears()
    inbox = CommandInbox(ears, gripper=True)  # type: ignore[arg-type]
    ears.tell["target_pose"](pose_message(0.0))
    ears.tell["target_pose"](pose_message(1.0))
    ears.tell["gripper_command"](Float64(data=1.0))
    command, late = inbox.newest()
    assert isinstance(command, PoseTarget)
    assert (command.position[0], command.gripper, late) == (1.0, 1.0, 1)
    assert inbox.newest() == (None, 0)


def _values(position: Any, rotation: Any) -> list[float]:
    return [position.x, position.y, position.z, rotation.x, rotation.y, rotation.z, rotation.w]
