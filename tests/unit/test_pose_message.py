"""Poses from the graph are of the expected frame, and their quaternions have a direction, whoever listens to them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from helpers.contracts import small_contract
from helpers.motion import pose_contract
from sdm_core.errors import ObservationError
from sdm_core.quaternion_sign import canonical
from sdm_policy_node.pose_message import pose_values
from sdm_policy_node.recording.command_listener import PoseListener
from sdm_policy_node.sources.state_source import StateSource


class Ears:
    """In the place of a node: keeps the callback of each topic."""

    def __init__(self) -> None:
        self.hear: dict[str, Callable[[Any], None]] = {}

    def create_subscription(self, kind: type, topic: str, callback: Callable[[Any], None], qos: object) -> None:
        self.hear[topic] = callback


def pose(*quaternion: float, frame: str = "base") -> PoseStamped:
    message = PoseStamped()
    message.header.frame_id = frame
    message.pose.position.x = 0.5
    rotation = message.pose.orientation
    rotation.x, rotation.y, rotation.z, rotation.w = quaternion
    return message


def test_a_pose_becomes_seven_numbers_with_a_unit_quaternion() -> None:
    assert pose_values(pose(0.0, 0.0, 0.0, 1.0000001), "current_pose", "base") == [0.5, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("part", [0.0, math.nan, math.inf])
def test_a_quaternion_without_direction_is_refused(part: float) -> None:
    with pytest.raises(ObservationError, match=r"current_pose has the quaternion .* no direction"):
        pose_values(pose(part, part, part, part), "current_pose", "base")


@pytest.mark.parametrize("x", [math.nan, math.inf])
def test_a_position_that_is_no_place_is_refused(x: float) -> None:
    message = pose(0.0, 0.0, 0.0, 1.0)
    message.pose.position.x = x
    with pytest.raises(ObservationError, match=r"current_pose has the position \[(nan|inf), 0\.0, 0\.0\]"):
        pose_values(message, "current_pose", "base")


@pytest.mark.parametrize(
    "quaternion", [(0.8, 0.6, 0.0, 0.0), (0.28, -0.96, 0.0, -0.0), (0.0, 0.6, 0.0, -0.8), (0.0, 0.0, 0.0, 1.0)]
)
def test_both_quaternions_of_an_orientation_are_one_state(quaternion: tuple[float, ...]) -> None:
    """The one with x > 0, and where x is 0 the first part that is not 0."""
    opposite = tuple(-part for part in quaternion)
    assert canonical(quaternion) == canonical(opposite) == list(quaternion)
    found = [pose_values(pose(*each), "current_pose", "base")[3:] for each in (quaternion, opposite)]
    assert found[0] == found[1] == pytest.approx(list(quaternion))


def test_a_driver_that_flips_its_sign_is_recorded_and_seen_as_one_that_does_not() -> None:
    """As Eigen does at a yaw of 90° of a tool that points down, and w ≥ 0 on its noise: states and actions agree."""
    ears: Any = Ears()
    states: list[np.ndarray] = []
    commands: list[np.ndarray] = []
    source = StateSource(ears, False, lambda _, state: states.append(state), lambda *_: None)
    source.configure(pose_contract(), 0.0)
    PoseListener(ears, pose_contract(), lambda _, command: commands.append(command), lambda _: None, lambda _: None)
    for step, yaw in enumerate(np.radians(np.linspace(-170, 170, 69))):
        for sign in (1.0, -1.0):
            message = pose(*(sign * part for part in (math.cos(yaw / 2), math.sin(yaw / 2), 0.001, -0.001 * sign)))
            message.header.stamp.nanosec = 2 * step + (sign < 0) + 1
            ears.hear["current_pose"](message)
            ears.hear["target_pose"](message)
    seen, recorded = np.array(states)[:, 3:7], np.array(commands)[:, 3:7]
    np.testing.assert_array_equal(seen, recorded)
    assert len(seen) == 138
    assert np.abs(np.diff(seen, axis=0)).max() < 0.05  # no jump, wherever the driver has one


def test_an_environment_with_commands_of_its_own_keeps_its_sign() -> None:
    ears: Any = Ears()
    states: list[np.ndarray] = []
    source = StateSource(ears, False, lambda _, state: states.append(state), lambda *_: None)
    contract = pose_contract()
    action = contract.action.model_copy(update={"kind": "native"})
    source.configure(contract.model_copy(update={"action": action}), 0.0)
    ears.hear["current_pose"](pose(-0.6, 0.8, 0.0, 0.0))
    assert states[0][3:7].tolist() == [-0.6, 0.8, 0.0, 0.0]


def test_a_pose_in_another_frame_is_refused() -> None:
    with pytest.raises(
        ObservationError, match="current_pose is in frame 'camera', the contract's base frame is 'base'"
    ):
        pose_values(pose(0.0, 0.0, 0.0, 1.0, frame="camera"), "current_pose", "base")


def test_a_robot_in_another_frame_differs_from_the_contract() -> None:
    ears: Any = Ears()
    source = StateSource(ears, False, lambda *_: None, lambda *_: None)
    ears.hear["current_pose"](pose(0.0, 0.0, 0.0, 1.0, frame="world"))
    assert source.differences(pose_contract()) == [
        "current_pose is in frame 'world', the contract's base frame is 'base'"
    ]
    assert source.differences(small_contract()) == []  # needs no pose
    ears.hear["current_pose"](pose(0.0, 0.0, 0.0, 1.0))
    assert source.differences(pose_contract()) == []


def test_a_state_whose_pose_cannot_be_used_is_refused() -> None:
    ears: Any = Ears()
    states: list[np.ndarray] = []
    refusals: list[str] = []
    source = StateSource(ears, False, lambda _, state: states.append(state), lambda _, why: refusals.append(str(why)))
    source.configure(pose_contract(), 0.0)
    ears.hear["current_pose"](pose(0.0, 0.0, 0.0, 0.0))
    assert "no direction" in refusals[0]
    ears.hear["current_pose"](pose(0.0, 0.0, 0.0, 2.0))
    assert [state.tolist() for state in states] == [[0.5, 0, 0, 0, 0, 0, 1]]


def test_a_recorded_target_in_another_frame_is_refused() -> None:
    ears: Any = Ears()
    commands: list[tuple[int, np.ndarray]] = []
    refusals: list[ObservationError] = []
    PoseListener(ears, pose_contract(), lambda *given: commands.append(given), refusals.append, lambda _: None)
    ears.hear["target_pose"](pose(0.0, 0.0, 0.0, 1.0, frame="world"))
    assert commands == []
    assert "target_pose is in frame 'world'" in str(refusals[0])
    message = pose(0.0, 0.0, 0.0, 1.0)
    message.header.stamp.nanosec = 7
    ears.hear["target_pose"](message)
    ((stamp_ns, command),) = commands
    assert (stamp_ns, command.tolist()) == (7, [0.5, 0, 0, 0, 0, 0, 1, 0])
