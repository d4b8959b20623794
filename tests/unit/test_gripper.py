"""The gripper by actions: noise moves nothing, no goal is repeated, and a failure is said and no more."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from control_msgs.action import GripperCommand
from franka_msgs.action import Grasp, Move
from helpers.graph import Graph, graph
from rclpy.action import ActionServer
from sdm_policy_node.grippers.gripper_actions import GripperActions
from sdm_policy_node.grippers.gripper_hands import CommandedHand, FrankaHand, Grip
from sdm_policy_node.grippers.gripper_switch import GripperSwitch

GRIP = Grip(open_width=0.08, closed_width=0.0, tolerance=0.08, speed=0.1, force=30.0)


def switch(dwell_s: float = 0.5) -> GripperSwitch:
    return GripperSwitch(opened=0.0, closed=1.0, close_above=0.6, open_below=0.4, dwell_s=dwell_s)


def test_values_between_the_thresholds_change_nothing():
    gripper = switch(dwell_s=0.0)
    assert gripper.update(0.5, 0.0) is None
    assert gripper.update(0.7, 1.0) is True
    assert [gripper.update(value, 2.0) for value in (0.59, 0.41, 0.5)] == [True] * 3
    assert gripper.update(0.3, 3.0) is False
    assert gripper.update(0.55, 4.0) is False


def test_no_change_follows_another_sooner_than_the_dwell():
    gripper = switch(dwell_s=0.5)
    changes = [gripper.update(float(tick % 2), tick * 0.05) for tick in range(40)]
    flips = sum(before != after for before, after in pairwise(changes))
    assert 1 < flips <= 4  # in two seconds


def test_a_gripper_that_closes_at_its_low_value():
    gripper = GripperSwitch(opened=1.0, closed=-1.0, close_above=0.6, open_below=0.4, dwell_s=0.0)
    assert gripper.update(-0.9, 0.0) is True
    assert gripper.update(0.9, 1.0) is False


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Graph]:
    with graph(tmp_path) as made:
        yield made


class Server:
    """An action's server that answers every goal with the same result, and keeps the goals."""

    def __init__(self, world: Graph, kind: Any, name: str, **result: Any) -> None:
        self.goals: list[Any] = []

        def execute(handle: Any) -> Any:
            self.goals.append(handle.request)
            handle.succeed()
            return kind.Result(**result)

        self._server = ActionServer(world.node, kind, name, execute)


def test_a_franka_hand_grasps_and_opens_once_each_however_often_it_is_told(world):
    grasp = Server(world, Grasp, "franka_gripper/grasp", success=True)
    move = Server(world, Move, "franka_gripper/move", success=True)
    gripper = GripperActions(world.node, FrankaHand(world.node, "franka_gripper", GRIP), switch(dwell_s=0.0), 0)
    now = 0.0

    def told(value: float, goals: int) -> bool:
        nonlocal now
        now += 0.01
        gripper.follow(np.array([value]), now)
        return len(grasp.goals) + len(move.goals) == goals

    assert world.spin_until(lambda: told(1.0, 1))
    for _ in range(30):
        told(1.0, 1)
        world.spin_for(0.01)
    assert (len(grasp.goals), len(move.goals), gripper.failure) == (1, 0, "")
    assert (grasp.goals[0].width, grasp.goals[0].force, grasp.goals[0].epsilon.outer) == (0.0, 30.0, 0.08)
    assert world.spin_until(lambda: told(0.0, 2))
    assert move.goals[0].width == pytest.approx(0.08)
    assert gripper.goals == 2


def test_a_goal_in_flight_is_waited_for(world):
    server = Server(world, GripperCommand, "gripper", reached_goal=True)
    gripper = GripperActions(world.node, CommandedHand(world.node, "gripper", GRIP), switch(dwell_s=0.0), 0)
    assert world.spin_until(lambda: (gripper.follow(np.array([1.0]), 0.0), gripper.goals == 1)[1])
    gripper.follow(np.array([0.0]), 0.1)  # the first goal has no result yet
    assert gripper.goals == 1
    assert world.spin_until(lambda: (gripper.follow(np.array([0.0]), 0.2), len(server.goals) == 2)[1])
    assert [goal.command.position for goal in server.goals] == pytest.approx([0.0, 0.08])


def test_a_failed_grasp_is_reported_and_not_tried_again_until_the_policy_has_changed_its_mind(world):
    grasp = Server(world, Grasp, "hand/grasp", success=False, error="nothing between the fingers")
    move = Server(world, Move, "hand/move", success=True)
    gripper = GripperActions(world.node, FrankaHand(world.node, "hand", GRIP), switch(dwell_s=0.0), 0)
    assert world.spin_until(lambda: (gripper.follow(np.array([1.0]), 0.0), gripper.failures == 1)[1])
    assert gripper.failure == "the gripper did not close: nothing between the fingers"
    for _ in range(20):
        gripper.follow(np.array([1.0]), 0.1)
        world.spin_for(0.01)
    assert len(grasp.goals) == 1
    assert world.spin_until(lambda: (gripper.follow(np.array([0.0]), 0.2), len(move.goals) == 1)[1])
    assert world.spin_until(lambda: (gripper.follow(np.array([0.0]), 0.2), gripper.failure == "")[1])
    assert world.spin_until(lambda: (gripper.follow(np.array([1.0]), 0.3), len(grasp.goals) == 2)[1])


def test_a_gripper_without_a_driver_is_said_and_asked_again_once_it_is_there(world):
    gripper = GripperActions(world.node, CommandedHand(world.node, "late", GRIP), switch(dwell_s=0.0), 0)
    gripper.follow(np.array([1.0]), 0.0)
    assert "its action server is not there" in gripper.failure
    server = Server(world, GripperCommand, "late", stalled=True)
    assert world.spin_until(lambda: (gripper.follow(np.array([1.0]), 0.1), bool(server.goals))[1])
    assert world.spin_until(lambda: gripper.failure == "")


def test_a_goal_without_a_result_is_given_up(world):
    server = Server(world, GripperCommand, "deaf", reached_goal=True)
    gripper = GripperActions(world.node, CommandedHand(world.node, "deaf", GRIP), switch(dwell_s=0.0), 0)
    assert world.spin_until(lambda: (gripper.follow(np.array([1.0]), 0.0), gripper.goals == 1)[1])
    gripper.follow(np.array([1.0]), 60.0)
    assert "no result within 10 s" in gripper.failure
    assert world.spin_until(lambda: bool(server.goals))
    assert gripper.failure  # a result that comes too late changes nothing


def told(world: Graph, gripper: GripperActions, value: float, now: float) -> None:
    """Follows a value until its goal, if there is one, has ended."""
    gripper.follow(np.array([value]), now)
    assert world.spin_until(lambda: gripper._in_flight is None)


def test_a_hand_that_somebody_else_may_have_moved_is_told_to_open_again_once(world):
    grasp = Server(world, Grasp, "hand/grasp", success=True)
    move = Server(world, Move, "hand/move", success=True)
    hand = FrankaHand(world.node, "hand", GRIP)
    gripper = GripperActions(world.node, hand, switch(dwell_s=0.5), 0)
    assert world.spin_until(lambda: all(hand.goal(close)[0].server_is_ready() for close in (True, False)))
    told(world, gripper, 0.0, 0.0)
    gripper.forget()
    told(world, gripper, 0.5, 10.0)  # neither: it stays as somebody left it
    assert len(move.goals) == 1
    told(world, gripper, 0.0, 10.1)
    told(world, gripper, 0.0, 10.2)
    assert len(move.goals) == 2
    told(world, gripper, 1.0, 10.3)
    assert not grasp.goals  # the dwell is kept
    told(world, gripper, 1.0, 11.0)
    gripper.forget()
    told(world, gripper, 1.0, 20.0)
    assert len(grasp.goals) == 1  # it may hold something
    told(world, gripper, 0.0, 20.1)
    assert len(move.goals) == 3  # nothing was changed that it had to wait for


@pytest.mark.parametrize(
    ("close", "status", "reached", "stalled", "failure"),
    [
        (True, GoalStatus.STATUS_ABORTED, False, True, ""),  # ros2_controllers, of something held
        (True, GoalStatus.STATUS_SUCCEEDED, False, True, ""),  # the same with allow_stalling
        (True, GoalStatus.STATUS_SUCCEEDED, True, False, ""),
        (False, GoalStatus.STATUS_SUCCEEDED, True, False, ""),
        (False, GoalStatus.STATUS_SUCCEEDED, False, True, "it stalled at 0.0200, the goal's status is 4"),
        (False, GoalStatus.STATUS_ABORTED, False, True, "it stalled at 0.0200, the goal's status is 6"),
        (True, GoalStatus.STATUS_CANCELED, False, False, "it ended at 0.0200, the goal's status is 5"),
    ],
)
def test_a_stall_is_a_grasp_where_it_closes_and_a_jam_where_it_opens(world, close, status, reached, stalled, failure):
    result = GripperCommand.Result(reached_goal=reached, stalled=stalled, position=0.02)
    hand = CommandedHand(world.node, "gripper", GRIP)
    assert hand.failure(SimpleNamespace(status=status, result=result), close) == failure


def test_a_franka_hand_must_say_success_and_end_the_goal_so(world):
    hand = FrankaHand(world.node, "hand", GRIP)
    for status, result, failure in (
        (GoalStatus.STATUS_SUCCEEDED, Grasp.Result(success=True), ""),
        (GoalStatus.STATUS_CANCELED, Grasp.Result(success=True), "the goal ended with status 5"),
        (GoalStatus.STATUS_ABORTED, Grasp.Result(success=False), "the goal ended with status 6"),
        (GoalStatus.STATUS_ABORTED, Grasp.Result(success=False, error="nothing held"), "nothing held"),
    ):
        assert hand.failure(SimpleNamespace(status=status, result=result), close=True) == failure


def test_a_stall_that_its_server_aborts_is_followed_as_a_grasp(world):
    def hold(handle: Any) -> Any:
        handle.abort()
        return GripperCommand.Result(stalled=True, position=0.02)

    server = ActionServer(world.node, GripperCommand, "holding", hold)
    gripper = GripperActions(world.node, CommandedHand(world.node, "holding", GRIP), switch(dwell_s=0.0), 0)
    assert world.spin_until(lambda: (gripper.follow(np.array([1.0]), 0.0), gripper.goals == 1)[1])
    told(world, gripper, 1.0, 0.1)
    assert (gripper.failure, gripper.goals) == ("", 1)
    server.destroy()


def test_a_failure_names_what_the_goal_was_and_not_what_is_wanted_meanwhile(world):
    Server(world, Grasp, "hand/grasp", success=False, error="nothing held")
    gripper = GripperActions(world.node, FrankaHand(world.node, "hand", GRIP), switch(dwell_s=0.0), 0)
    assert world.spin_until(lambda: (gripper.follow(np.array([1.0]), 0.0), gripper.goals == 1)[1])
    gripper.follow(np.array([0.0]), 0.1)
    assert world.spin_until(lambda: gripper.failures > 0)
    assert gripper.failure == "the gripper did not close: nothing held"
