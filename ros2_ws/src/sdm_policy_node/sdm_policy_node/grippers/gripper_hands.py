"""Grippers behind actions: which goal opens and closes each kind, and how its result reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.node import Node

from sdm_policy_node.optional_interfaces import optional_interfaces


@dataclass(frozen=True)
class Grip:
    """How a gripper opens and closes: widths (m, both fingers together), speed (m/s), force (N)."""

    open_width: float
    closed_width: float
    tolerance: float
    """How much wider than `closed_width` (m) something held may be."""
    speed: float
    force: float


class Hand(Protocol):
    """One kind of gripper."""

    def __init__(self, node: Node, name: str, grip: Grip) -> None: ...

    @staticmethod
    def actions() -> Any:
        """The action, or the module of those, behind which it is. Raises ContractError where their package is
        missing."""
        ...

    def goal(self, close: bool) -> tuple[ActionClient, Any]:
        """The goal that closes or opens it, and the client to send it with."""
        ...

    def failure(self, answer: Any, close: bool) -> str:
        """One line where a goal's answer, its status and its result, is a failure, else empty."""
        ...

    def close(self) -> None:
        """Gives the clients up."""
        ...


class FrankaHand:
    """franka_gripper: `grasp` closes with a force, `move` opens."""

    def __init__(self, node: Node, name: str, grip: Grip) -> None:
        """`name` of franka_gripper's node."""
        actions = self.actions()
        self._grip = grip
        self._goals = actions.Move.Goal, actions.Grasp.Goal
        self._move = ActionClient(node, actions.Move, f"{name}/move")
        self._grasp = ActionClient(node, actions.Grasp, f"{name}/grasp")

    @staticmethod
    def actions() -> Any:
        return optional_interfaces("franka_msgs.action", "gripper 'franka'")

    def goal(self, close: bool) -> tuple[ActionClient, Any]:
        grip, (move, grasp) = self._grip, self._goals
        if not close:
            return self._move, move(width=grip.open_width, speed=grip.speed)
        goal = grasp(width=grip.closed_width, speed=grip.speed, force=grip.force)
        goal.epsilon.inner, goal.epsilon.outer = grip.closed_width, grip.tolerance
        return self._grasp, goal

    def failure(self, answer: Any, close: bool) -> str:
        if answer.result.success and answer.status == GoalStatus.STATUS_SUCCEEDED:
            return ""
        return answer.result.error or f"the goal ended with status {answer.status}"

    def close(self) -> None:
        self._move.destroy()
        self._grasp.destroy()


class CommandedHand:
    """control_msgs/GripperCommand: a position each for open and closed. One that stalls while it closes has hold of
    something, whatever the goal's status: ros2_controllers abort such goals, but for `allow_stalling`."""

    def __init__(self, node: Node, name: str, grip: Grip) -> None:
        """`name` of the action."""
        action = self.actions()
        self._grip = grip
        self._goal = action.Goal
        self._client = ActionClient(node, action, name)

    @staticmethod
    def actions() -> Any:
        return optional_interfaces("control_msgs.action", "gripper 'gripper_command'").GripperCommand

    def goal(self, close: bool) -> tuple[ActionClient, Any]:
        goal = self._goal()
        goal.command.position = self._grip.closed_width if close else self._grip.open_width
        goal.command.max_effort = self._grip.force
        return self._client, goal

    def failure(self, answer: Any, close: bool) -> str:
        result = answer.result
        if result.reached_goal or (close and result.stalled):
            return ""
        ended = "stalled" if result.stalled else "ended"
        return f"it {ended} at {result.position:.4f}, the goal's status is {answer.status}"

    def close(self) -> None:
        self._client.destroy()


HANDS: dict[str, type[Hand]] = {"franka": FrankaHand, "gripper_command": CommandedHand}
