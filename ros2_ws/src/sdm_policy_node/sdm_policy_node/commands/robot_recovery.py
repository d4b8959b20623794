"""Franka's error recovery: after a reflex the arm takes no commands until it has been asked to recover."""

from __future__ import annotations

from typing import Any

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future
from rclpy.timer import Timer
from sdm_core.errors import CommandError, ContractError

from sdm_policy_node.optional_interfaces import optional_interfaces

# Recovering takes seconds; a driver that has died never answers (s).
_PATIENCE_S = 10.0


class RobotRecovery:
    """The action franka_msgs/ErrorRecovery. Without franka_msgs it is there all the same, and says so when asked."""

    def __init__(self, node: Node, name: str) -> None:
        self._node = node
        self._name = name
        self._client: ActionClient | None = None
        self._deadline: Timer | None = None
        self._missing = ""
        try:
            self._action = optional_interfaces("franka_msgs.action", "~/recover").ErrorRecovery
        except ContractError as error:
            self._missing = str(error)
            return
        self._client = ActionClient(node, self._action, name)

    def close(self) -> None:
        """Gives the action up; a `recover` under way never returns, as nobody is left to be answered."""
        if self._deadline:
            self._node.destroy_timer(self._deadline)
        if self._client:
            self._client.destroy()

    async def recover(self) -> None:
        """Returns once the robot has recovered. Raises CommandError where it has not."""
        if self._client is None:
            raise CommandError(self._missing)
        if not self._client.server_is_ready():
            raise CommandError(f"there is no action {self._name}; start franka_ros2, or set recovery_action")
        handle = await self._answer(self._client.send_goal_async(self._action.Goal()))
        if not handle.accepted:
            raise CommandError(f"{self._name} rejected the goal")
        answer = await self._answer(handle.get_result_async())
        if answer.status != GoalStatus.STATUS_SUCCEEDED:
            raise CommandError(f"{self._name} ended with status {answer.status}; is the user stop released?")

    async def _answer(self, future: Future) -> Any:
        """What a driver that is alive answers. Raises CommandError where it does not within _PATIENCE_S."""

        def give_up() -> None:
            if not future.done():
                future.set_result(None)  # some rclpy await a cancelled one for ever

        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._deadline = deadline = self._node.create_timer(_PATIENCE_S, give_up, clock=steady)
        answer = await future
        self._node.destroy_timer(deadline)
        self._deadline = None
        if answer is None:
            raise CommandError(f"{self._name} has not answered for {_PATIENCE_S:g} s; is the driver alive?")
        return answer
