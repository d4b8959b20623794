"""Joint states of several publishers on one topic: the arm's, and a gripper's of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers.contracts import SMALL_STATE, small_contract
from sdm_policy_node.sources.state_source import JOINT_TOPIC, StateSource
from sensor_msgs.msg import JointState

CONTRACT = small_contract()
FINGERS = ("finger1", "finger2")


class Robot:
    """In a node's place, and who listens to it."""

    def __init__(self) -> None:
        self.states: list[np.ndarray] = []
        self.refusals: list[str] = []
        self.said: list[str] = []
        self._hear: dict[str, Callable[[Any], None]] = {}
        self._now_ns = 0
        node: Any = self
        self.source = StateSource(node, False, self._on_state, lambda _, why: self.refusals.append(str(why)))

    def create_subscription(self, kind: type, topic: str, callback: Callable[[Any], None], qos: object) -> None:
        self._hear[topic] = callback

    def get_logger(self) -> Robot:
        return self

    def info(self, line: str) -> None:
        self.said.append(line)

    def _on_state(self, stamp_ns: int, state: np.ndarray) -> None:
        self.states.append(state)

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
