"""A goal as the server sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from action_msgs.msg import GoalInfo, GoalStatus

from ..task import Future
from .goal_state import ACTIVE, GoalEvent, next_status

if TYPE_CHECKING:
    from .server import ActionServer


class ServerGoalHandle:
    """Given to an action server's callbacks: the request, and how to tell what becomes of it."""

    def __init__(self, action_server: ActionServer, goal_info: GoalInfo, goal_request: Any) -> None:
        self._action_server = action_server
        self._goal_info = goal_info
        self._goal_request = goal_request
        self._status = GoalStatus.STATUS_ACCEPTED
        self._response = Future()  # to those who ask for the result
        self._ended_ns = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ServerGoalHandle) and self.goal_id == other.goal_id

    __hash__ = None  # type: ignore[assignment]  # as in rclpy

    @property
    def request(self) -> Any:
        return self._goal_request

    @property
    def goal_id(self) -> Any:
        return self._goal_info.goal_id

    @property
    def is_active(self) -> bool:
        return self._status in ACTIVE

    @property
    def is_cancel_requested(self) -> bool:
        return self._status == GoalStatus.STATUS_CANCELING

    @property
    def status(self) -> int:
        """One of GoalStatus; STATUS_UNKNOWN once the server has forgotten the goal."""
        return self._status

    def execute(self, execute_callback: Callable[[ServerGoalHandle], Any] | None = None) -> None:
        """Have the executor run the goal, with the server's execute callback unless given another."""
        # A goal may be cancelled before it is run: its callback then finds `is_cancel_requested`.
        if not self.is_cancel_requested:
            self._update_state(GoalEvent.EXECUTE)
        self._action_server._execute(self, execute_callback)

    def publish_feedback(self, feedback: Any) -> None:
        expected = self._action_server.action_type.Feedback
        if not isinstance(feedback, expected):
            raise TypeError(f"Expected {expected}, got {type(feedback)}")
        self._action_server._publish_feedback(self, feedback)

    def succeed(self) -> None:
        self._update_state(GoalEvent.SUCCEED)

    def abort(self) -> None:
        self._update_state(GoalEvent.ABORT)

    def canceled(self) -> None:
        self._update_state(GoalEvent.CANCELED)

    def destroy(self) -> None:
        """Have no more part in anything: updates and feedback are ignored from here on."""
        self._status = GoalStatus.STATUS_UNKNOWN

    def _update_state(self, event: GoalEvent) -> None:
        with self._action_server._lock:
            if self._status == GoalStatus.STATUS_UNKNOWN:
                return
            self._status = next_status(self._status, event)
            if not self.is_active:
                self._ended_ns = self._action_server._now_ns()
            self._action_server._publish_status()
