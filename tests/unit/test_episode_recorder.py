"""What the recorder makes of the messages that it hears, without a graph: they come out of a bag's node."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from helpers.contracts import small_contract
from helpers.fake_robot import time_message
from helpers.motion import joint_contract, pose_contract, rate_contract, with_measured_gripper
from rclpy.node import Node
from rclpy.serialization import serialize_message
from sdm_core.contract import ActionEntry, Contract
from sdm_core.errors import ContractError, DatasetError
from sdm_policy_node.convert.bag_message import BagMessage
from sdm_policy_node.convert.bag_node import BagNode
from sdm_policy_node.parameters import RecorderParameters
from sdm_policy_node.recording.episode_recorder import EpisodeRecorder
from sdm_policy_node.recording.episode_recording import EpisodeRecording, Observed
from sdm_policy_node.sources.observation_source import Frame
from std_msgs.msg import Float64

CONTRACT = pose_contract()
DT_NS = CONTRACT.dt_ns
START_NS = 10**12


class Cell:
    """A recorder, and what is published around it."""

    def __init__(
        self, contract: Contract = CONTRACT, topics: Mapping[str, str] = MappingProxyType({}), **settings: Any
    ) -> None:
        self._node = BagNode(topics)
        parameters = RecorderParameters(**{"sink": "pose", **settings})
        self.recorder = EpisodeRecorder(cast(Node, self._node), parameters, contract, self._take, lambda *_: None)

    @staticmethod
    def _take(recording: EpisodeRecording, frame: Frame) -> None:
        recording.add_frame(Observed(frame.stamp_ns, None))

    def see(self, stamp_ns: int) -> None:
        """An image arrives, and the state of its instant has come."""
        self.recorder._on_state(stamp_ns, np.zeros(CONTRACT.state_dim))
        self.recorder._on_frame(Frame(None, stamp_ns))

    def command(self, stamp_ns: int, x: float) -> None:
        target = PoseStamped()
        target.header.frame_id, target.header.stamp = CONTRACT.action.base_frame, time_message(stamp_ns)
        target.pose.position.x, target.pose.orientation.w = x, 1.0
        self._hear("/target_pose", "geometry_msgs/msg/PoseStamped", target)

    def grip(self, value: float) -> None:
        self._hear("/gripper_command", "std_msgs/msg/Float64", Float64(data=value))

    def _hear(self, topic: str, kind: str, message: Any) -> None:
        self._node.feed(BagMessage(topic, kind, 0, serialize_message(message)))


def kept(cell: Cell) -> np.ndarray:
    """The actions of the episode that ends now."""
    recording = cell.recorder.end()
    assert recording is not None
    return recording.episode().action


@pytest.mark.parametrize("late", [0, 3])
def test_the_command_at_an_image_s_stamp_counts_though_it_came_before_the_start_and_the_image(late: int) -> None:
    cell = Cell()
    cell.grip(1.0)
    for step in range(10):
        if step == 4:
            cell.recorder.begin()
        cell.command(START_NS + step * DT_NS, step / 100)
        if step >= 4:
            cell.see(START_NS + (step - late) * DT_NS)
    first = 4 - late
    assert kept(cell)[:, 0].tolist() == pytest.approx([step / 100 for step in range(first, first + 6)])


def test_commands_of_a_clock_that_was_set_back_answer_nothing() -> None:
    cell = Cell()
    cell.grip(1.0)
    cell.command(START_NS + 10 * DT_NS, 0.4)
    cell.command(START_NS, 0.1)
    cell.recorder.begin()
    for step in range(3):
        cell.see(START_NS + step * DT_NS)
    cell.command(START_NS + DT_NS, 0.2)
    assert kept(cell)[:, 0].tolist() == pytest.approx([0.1, 0.2])


def test_states_of_a_clock_that_was_set_back_are_none_of_the_episode_s() -> None:
    cell = Cell()
    cell.grip(1.0)

    def drive(value: float) -> None:
        for step in range(120):
            cell.recorder._on_state(START_NS + step * DT_NS, np.full(CONTRACT.state_dim, value))
            cell.recorder._on_frame(Frame(None, START_NS + step * DT_NS))
            cell.command(START_NS + step * DT_NS, 0.1)

    drive(1.0)
    cell.recorder.begin()
    drive(2.0)
    recording = cell.recorder.end()
    assert recording
    assert np.unique(recording.episode().state).tolist() == [2.0]


def test_one_stamp_that_is_wrong_costs_a_state_and_no_episode() -> None:
    cell = Cell()
    cell.grip(1.0)
    cell.recorder.begin()
    for step in range(40):
        cell.see(START_NS + step * DT_NS)
        cell.command(START_NS + step * DT_NS, 0.1)
        if step == 30:
            cell.recorder._on_state(0, np.zeros(CONTRACT.state_dim))
    assert len(kept(cell)) == 40


def test_in_a_silence_of_the_commands_an_arm_that_was_led_by_hand_stays_where_it_was_led() -> None:
    cell = Cell()
    cell.grip(1.0)
    cell.command(START_NS - 3000 * DT_NS, 0.4)
    cell.recorder.begin()
    led = np.array([-0.2, 0.1, 0.3, 0.0, 0.0, 0.0, 1.0])
    for step in range(30):
        cell.recorder._on_state(START_NS + step * DT_NS, led[: CONTRACT.state_dim])
        cell.recorder._on_frame(Frame(None, START_NS + step * DT_NS))
        if step >= 20:
            cell.command(START_NS + step * DT_NS, -0.1)
    actions = kept(cell)
    assert actions[:, 0] == pytest.approx([-0.2] * 19 + [-0.1] * 11)
    assert set(actions[:, -1].tolist()) == {1.0}


def test_in_a_silence_of_the_commands_a_measured_gripper_keeps_hold_of_what_stopped_it() -> None:
    cell = Cell(with_measured_gripper(CONTRACT))
    cell.grip(1.0)
    cell.command(START_NS - 3000 * DT_NS, 0.4)
    cell.recorder.begin()
    for step in range(30):
        cell.recorder._on_state(START_NS + step * DT_NS, np.array([-0.2, 0.1, 0.3, 0.0, 0.0, 0.0, 1.0, 0.4]))
        cell.recorder._on_frame(Frame(None, START_NS + step * DT_NS))
    cell.command(START_NS + 29 * DT_NS, -0.1)
    actions = kept(cell)
    assert actions[0, 0] == pytest.approx(-0.2)
    assert set(actions[:, -1].tolist()) == {1.0}


@pytest.mark.parametrize("actions", ["commands", "measured"])
def test_a_gripper_command_that_is_no_number_costs_the_episode_and_none_that_follows(actions: str) -> None:
    cell = Cell(actions=actions)
    cell.grip(1.0)
    for episode_ns in (START_NS, 2 * START_NS):
        cell.recorder.begin()
        for step in range(3):
            cell.see(episode_ns + step * DT_NS)
            cell.command(episode_ns + step * DT_NS, 0.1)
        if episode_ns == START_NS:
            cell.grip(float("nan"))
            with pytest.raises(DatasetError, match="gripper_command is nan; check what sends it"):
                kept(cell)
    assert set(kept(cell)[:, -1].tolist()) == {1.0}


@pytest.mark.parametrize(("noise", "said"), [("none", {}), ("d4xx", {"camera_noise": "d4xx"})])
def test_the_noise_of_a_simulated_camera_goes_into_the_provenance(noise: str, said: dict[str, str]) -> None:
    cell = Cell(camera_noise=noise)
    recording = cell.recorder.begin()
    assert cell.recorder.provenance(recording) == {"recorded": True, "missing_images": 0, **said}


def test_an_episode_of_whose_gripper_nobody_ever_said_anything_is_refused() -> None:
    cell = Cell()
    for episode_ns in (START_NS, 2 * START_NS):
        cell.recorder.begin()
        cell.see(episode_ns)
        cell.command(episode_ns, 0.1)
        with pytest.raises(DatasetError, match="no gripper_command has come since the recorder began"):
            kept(cell)
    cell.grip(1.0)  # once, and never again
    for episode_ns in (3 * START_NS, 4 * START_NS):
        cell.recorder.begin()
        cell.see(episode_ns)
        cell.command(episode_ns, 0.1)
        assert kept(cell)[:, -1].tolist() == [1.0]


def test_an_action_without_a_gripper_needs_no_word_of_it() -> None:
    action = CONTRACT.action.model_copy(update={"entries": CONTRACT.action.entries[:-1]})
    cell = Cell(CONTRACT.model_copy(update={"action": action}))
    cell.recorder.begin()
    cell.see(START_NS)
    cell.command(START_NS, 0.1)
    assert kept(cell).shape == (1, 7)


@pytest.mark.parametrize(
    ("sink", "contract", "line"),
    [
        ("native", pose_contract(), "native or joint_position actions, not 'ee_pose'; set sink: pose"),
        ("native", pose_contract("ee_delta"), "native or joint_position actions, not 'ee_delta'; write the contract's"),
        ("pose", small_contract(), "'ee_pose' actions, not 'native'; set sink: native"),
        ("pose", joint_contract(), "'ee_pose' actions, not 'joint_position'; set actions: measured, or sink: native"),
    ],
)
def test_a_sink_that_has_no_such_actions_is_refused_before_a_demonstration(
    sink: str, contract: Contract, line: str
) -> None:
    with pytest.raises(ContractError, match=f"sink '{sink}' records {line}"):
        Cell(contract, sink=sink)


@pytest.mark.parametrize("contract", [pose_contract("ee_delta"), rate_contract(names=("ee.x", "ee.y"))])
def test_where_the_arm_stands_is_no_step_or_rate(contract: Contract) -> None:
    kind = contract.action.kind
    with pytest.raises(ContractError, match=f"'measured' records ee_pose or joint_position actions, not '{kind}'"):
        Cell(contract, actions="measured")


def test_of_two_grippers_none_is_measured() -> None:
    contract = joint_contract()
    gripper = ActionEntry(name="left.gripper", unit="1", low=0, high=1)
    entries = (*contract.action.entries, gripper, gripper.model_copy(update={"name": "right.gripper"}))
    action = contract.action.model_copy(update={"entries": entries})
    with pytest.raises(ContractError, match=r"one gripper's; the action has left\.gripper, right\.gripper"):
        Cell(contract.model_copy(update={"action": action}), actions="measured")


def test_where_no_command_comes_the_topic_is_named_that_was_listened_to() -> None:
    cell = Cell(topics={"target_pose": "/arm/target"})
    cell.grip(1.0)
    cell.recorder.begin()
    cell.see(START_NS)
    with pytest.raises(DatasetError, match="nothing to keep: 1 images and after them no command on /arm/target came"):
        kept(cell)
