"""Joint states of several publishers on one topic: the arm's, and a gripper's of its own. Joints and poses that make
one state, by their stamps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from helpers.contracts import SMALL_STATE, small_contract
from sdm_core.errors import ObservationError
from sdm_policy_node.sources.state_source import JOINT_TOPIC, POSE_NAMES, POSE_TOPIC, StateSource
from sdm_policy_node.time_stamps import to_message
from sensor_msgs.msg import JointState

CONTRACT = small_contract()
FINGERS = ("finger1", "finger2")
BOTH = small_contract(state=("joint0", *POSE_NAMES))
BEGIN_MS = 1_000_000.0


class Robot:
    """In a node's place, and who listens to it."""

    def __init__(self) -> None:
        self.states: list[np.ndarray] = []
        self.stamps: list[int] = []
        self.refusals: list[str] = []
        self.refused_ns: list[int] = []
        self.said: list[str] = []
        self._hear: dict[str, Callable[[Any], None]] = {}
        self._now_ns = 0
        node: Any = self
        self.source = StateSource(node, False, self._on_state, self._on_refused)

    def create_subscription(self, kind: type, topic: str, callback: Callable[[Any], None], qos: object) -> None:
        self._hear[topic] = callback

    def get_logger(self) -> Robot:
        return self

    def info(self, line: str) -> None:
        self.said.append(line)

    def _on_state(self, stamp_ns: int, state: np.ndarray) -> None:
        self.states.append(state)
        self.stamps.append(stamp_ns)

    def _on_refused(self, stamp_ns: int, why: ObservationError) -> None:
        self.refused_ns.append(stamp_ns)
        self.refusals.append(str(why))

    @property
    def times(self) -> list[tuple[float, float, float]]:
        """Of each state: its stamp, and when its joint and its pose were measured, all in ms since the begin."""
        return [
            (round(stamp_ns / 1e6 - BEGIN_MS, 3), round(state[0], 3), round(state[1], 3))
            for stamp_ns, state in zip(self.stamps, self.states, strict=True)
        ]

    def joints_at(self, ms: float) -> None:
        message = JointState(name=["joint0"], position=[float(ms)])
        message.header.stamp = to_message(round((BEGIN_MS + ms) * 1e6))
        self._hear[JOINT_TOPIC](message)

    def pose_at(self, ms: float, stamped: bool = True) -> None:
        message = PoseStamped()
        message.header.frame_id = BOTH.action.base_frame
        if stamped:
            message.header.stamp = to_message(round((BEGIN_MS + ms) * 1e6))
        message.pose.position.x, message.pose.orientation.w = float(ms), 1.0
        self._hear[POSE_TOPIC](message)

    def tell(self, *names: str) -> None:
        self._now_ns += 1_000_000
        message = JointState(name=list(names), position=[float(index) for index in range(len(names))])
        message.header.stamp.nanosec = self._now_ns
        self._hear[JOINT_TOPIC](message)


def test_joint_states_of_another_device_are_left_out_with_one_word() -> None:
    robot = Robot()
    robot.source.configure(CONTRACT, 0.0)
    for _ in range(3):
        robot.tell(*FINGERS)
        robot.tell(*SMALL_STATE)
    assert [state.tolist() for state in robot.states] == [[0, 1, 2, 3]] * 3
    assert robot.refusals == []
    assert robot.said == ["joint_states of finger1, finger2 are left out: the contract's state has none of them"]


def test_joint_states_that_lack_some_of_the_names_are_refused() -> None:
    robot = Robot()
    robot.source.configure(CONTRACT, 0.0)
    robot.tell(*SMALL_STATE[:3])
    assert robot.states == robot.said == []
    assert robot.refusals == ["state lacks gap; it has hand.x, hand.y, hand.z"]


@pytest.mark.parametrize("last", [FINGERS, SMALL_STATE])
def test_a_robot_is_compared_with_a_contract_by_the_joint_states_that_are_its_own(last: tuple[str, ...]) -> None:
    robot = Robot()
    for names in (FINGERS, SMALL_STATE, last):
        robot.tell(*names)
    assert robot.source.differences(CONTRACT) == []
    robot.tell(*SMALL_STATE[:3])
    robot.tell(*FINGERS)
    assert robot.source.differences(CONTRACT) == ["joint_states lack gap; the contract's state needs them"]


def test_a_robot_of_other_names_alone_differs_from_the_contract() -> None:
    robot = Robot()
    robot.tell(*FINGERS)
    (line,) = robot.source.differences(CONTRACT)
    assert line == "joint_states lack gap, hand.x, hand.y, hand.z; the contract's state needs them"


def test_each_state_holds_the_joints_and_the_pose_of_its_own_stamp() -> None:
    robot = Robot()
    robot.source.configure(BOTH, 0.0)
    for ms in (0.0, 10.0):
        robot.pose_at(ms)
        robot.joints_at(ms + 0.3)
    assert robot.times == [(0.0, 0.3, 0.0), (10.0, 10.3, 10.0)]


@pytest.mark.parametrize("offset", [0.0, 0.03, 0.3, 0.5, 0.7, 0.97])
@pytest.mark.parametrize(("joints_ms", "pose_ms"), [(10, 10), (8, 10), (10, 8), (5, 10), (1, 10), (10, 1), (1, 40)])
def test_no_part_of_a_state_lies_farther_from_its_stamp_than_it_must(
    joints_ms: int, pose_ms: int, offset: float
) -> None:
    """Joints lie this share of the shorter period after the poses; the slower topic's messages all make states."""
    robot = Robot()
    robot.source.configure(BOTH, 0.0)
    fast, slow = sorted((joints_ms, pose_ms))
    poses = [(float(ms), robot.pose_at) for ms in range(0, 2000, pose_ms)]
    joints = [(ms + offset * fast, robot.joints_at) for ms in range(0, 2000, joints_ms)]
    for ms, tell in sorted(poses + joints, key=lambda message: message[0]):
        tell(ms)
    # The first of all has nothing nearer beside it yet.
    apart = [max(abs(joint - stamp), abs(pose - stamp)) for stamp, joint, pose in robot.times[1:]]
    assert max(apart) <= min(fast, slow - fast / 2)
    stamps = [stamp for stamp, _, _ in robot.times]
    assert stamps == sorted(set(stamps))
    assert len(stamps) >= 2000 // slow - 1
    assert robot.refusals == []


def late_begin(robot: Robot) -> None:
    for ms in range(0, 100, 10):
        robot.joints_at(ms)


def lost_messages(robot: Robot) -> None:
    for step in range(100):
        if step % 7:
            robot.pose_at(10.0 * step)
        if step % 5:
            robot.joints_at(10.0 * step + 4)


def slow_pose(robot: Robot) -> None:
    for ms in range(0, 1000, 1):
        robot.joints_at(ms)
        if ms % 200 == 0:
            robot.pose_at(ms)


def silent_pose(robot: Robot) -> None:
    robot.pose_at(0.0)
    for ms in range(0, 1000, 10):
        robot.joints_at(ms)


def a_few_without_stamp(robot: Robot) -> None:
    for ms in range(0, 1000, 10):
        robot.joints_at(ms)
        robot.pose_at(ms, stamped=ms % 200 == 0)


@pytest.mark.parametrize("before", [late_begin, lost_messages, slow_pose, silent_pose, a_few_without_stamp])
def test_stamps_are_refused_where_they_never_agree_and_only_there(before: Callable[[Robot], None]) -> None:
    robot = Robot()
    robot.source.configure(BOTH, 0.0)
    before(robot)
    assert robot.refusals == []
    robot.joints_at(1000.0)
    robot.pose_at(1000.0)
    told = len(robot.states)
    for ms in range(1100, 3200, 10):
        robot.pose_at(ms, stamped=False)
        robot.joints_at(ms)
    assert len(robot.states) == told
    assert len(robot.refusals) == 2
    assert robot.refusals[0].startswith("joint_states and current_pose lie ")
    assert robot.refusals[0].endswith(
        " ms apart, 50.0 ms allowed; check the stamps (0 is none), clocks and rates of both, or raise max_skew_s"
    )


def test_a_pose_that_a_network_holds_back_once_is_no_fault_of_stamps() -> None:
    robot = Robot()
    robot.source.configure(BOTH, 0.01)
    for ms in range(400):
        robot.joints_at(ms)
        if ms == 275:
            for late_ms in range(200, 275):
                robot.pose_at(late_ms)
        if not 200 <= ms < 275:
            robot.pose_at(ms)
    assert robot.refusals == []
    assert len(robot.states) > 300


def test_a_refusal_of_stamps_holds_for_what_is_as_old_as_the_older_of_them() -> None:
    """A frame of a right clock must not be refused for as long as another clock is ahead of it."""
    robot = Robot()
    robot.source.configure(BOTH, 0.0)
    for ms in range(0, 1010, 10):
        robot.joints_at(ms)
        robot.pose_at(ms + 3_600_000)
    assert robot.refused_ns == [round((BEGIN_MS + 1000) * 1e6)]
