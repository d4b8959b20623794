"""Action servers."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from enum import Enum
from typing import Any

from action_msgs.msg import GoalInfo, GoalStatus, GoalStatusArray
from action_msgs.srv import CancelGoal

from ..callback_groups import CallbackGroup
from ..exceptions import RCLError
from ..executors import await_or_execute
from ..node import Node
from ..qos import (
    QoSProfile,
    qos_profile_action_status_default,
    qos_profile_default,
    qos_profile_services_default,
)
from ..time import Time
from ._action_type import require_action
from ._deferred_service import DeferredService
from ._server_goal_handle import ServerGoalHandle
from .goal_state import GoalEvent, is_cancelable

__all__ = ["ActionServer", "CancelResponse", "GoalResponse", "ServerGoalHandle"]

Respond = Callable[[Any], None]


class GoalResponse(Enum):
    REJECT = 1
    ACCEPT = 2


class CancelResponse(Enum):
    REJECT = 1
    ACCEPT = 2


def default_handle_accepted_callback(goal_handle: ServerGoalHandle) -> None:
    """Execute the goal."""
    goal_handle.execute()


def default_goal_callback(goal_request: Any) -> GoalResponse:
    """Accept all goals."""
    return GoalResponse.ACCEPT


def default_cancel_callback(cancel_request: ServerGoalHandle) -> CancelResponse:
    """No cancellations."""
    return CancelResponse.REJECT


class ActionServer:
    """Serves one action: accepts goals, runs `execute_callback` on each and keeps its result for `result_timeout`.

    result_timeout: seconds after a goal's end in which its result can still be asked for.
    """

    def __init__(
        self,
        node: Node,
        action_type: Any,
        action_name: str,
        execute_callback: Callable[[ServerGoalHandle], Any],
        *,
        callback_group: CallbackGroup | None = None,
        goal_callback: Callable[[Any], Any] = default_goal_callback,
        handle_accepted_callback: Callable[[ServerGoalHandle], Any] = default_handle_accepted_callback,
        cancel_callback: Callable[[ServerGoalHandle], Any] = default_cancel_callback,
        goal_service_qos_profile: QoSProfile = qos_profile_services_default,
        result_service_qos_profile: QoSProfile = qos_profile_services_default,
        cancel_service_qos_profile: QoSProfile = qos_profile_services_default,
        feedback_pub_qos_profile: QoSProfile = qos_profile_default,
        status_pub_qos_profile: QoSProfile = qos_profile_action_status_default,
        result_timeout: float = 900,
    ) -> None:
        require_action(action_type)
        self.register_handle_accepted_callback(handle_accepted_callback)
        self.register_goal_callback(goal_callback)
        self.register_cancel_callback(cancel_callback)
        self.register_execute_callback(execute_callback)
        self._node = node
        self._action_type = action_type
        self._action_name = action_name
        self._result_timeout_ns = int(result_timeout * 1e9)
        self._logger = node.get_logger().get_child("action_server")
        self._lock = threading.RLock()  # over the goals and the order in which their states are published
        self._goal_handles: dict[bytes, ServerGoalHandle] = {}
        self._destroyed = False
        impl, prefix = action_type.Impl, f"{action_name}/_action"
        with node._graph.batch():
            # The topics first: a client that sees the services then soon sees them too.
            self._feedback_publisher = node.create_publisher(
                impl.FeedbackMessage, f"{prefix}/feedback", feedback_pub_qos_profile
            )
            self._status_publisher = node.create_publisher(GoalStatusArray, f"{prefix}/status", status_pub_qos_profile)
            self._services = [
                node.create_service(
                    service_type,
                    f"{prefix}/{name}",
                    callback,
                    qos_profile=qos,
                    callback_group=callback_group,
                    service_class=DeferredService,
                )
                for name, service_type, callback, qos in (
                    ("send_goal", impl.SendGoalService, self._receive_goal, goal_service_qos_profile),
                    ("cancel_goal", CancelGoal, self._receive_cancel, cancel_service_qos_profile),
                    ("get_result", impl.GetResultService, self._receive_result_request, result_service_qos_profile),
                )
            ]

    @property
    def action_type(self) -> Any:
        return self._action_type

    def register_handle_accepted_callback(
        self, handle_accepted_callback: Callable[[ServerGoalHandle], Any] | None
    ) -> None:
        """Called with each newly accepted goal, to run it now (the default) or later."""
        self._handle_accepted_callback = handle_accepted_callback or default_handle_accepted_callback

    def register_goal_callback(self, goal_callback: Callable[[Any], Any] | None) -> None:
        """Called with each goal request; gives a GoalResponse."""
        self._goal_callback = goal_callback or default_goal_callback

    def register_cancel_callback(self, cancel_callback: Callable[[ServerGoalHandle], Any] | None) -> None:
        """Called with each goal that is to be cancelled; gives a CancelResponse."""
        self._cancel_callback = cancel_callback or default_cancel_callback

    def register_execute_callback(self, execute_callback: Callable[[ServerGoalHandle], Any]) -> None:
        """Runs a goal; gives the action's Result. A goal that it leaves active, or raises in, is aborted."""
        if not callable(execute_callback):
            raise TypeError("Failed to register goal execution callback: not callable")
        self._execute_callback = execute_callback

    def destroy(self) -> None:
        """Leave the graph; goals that are running have no more effect."""
        with self._lock:
            self._destroyed = True
            for goal_handle in self._goal_handles.values():
                goal_handle.destroy()
            self._goal_handles.clear()
        with self._node._graph.batch():
            for service in self._services:
                self._node.destroy_service(service)
            self._node.destroy_publisher(self._feedback_publisher)
            self._node.destroy_publisher(self._status_publisher)

    # --- requests

    async def _receive_goal(self, request: Any, respond: Respond) -> None:
        goal_handle = await self._accept(request)
        response = self._action_type.Impl.SendGoalService.Response(accepted=goal_handle is not None)
        if goal_handle is not None:
            response.stamp = goal_handle._goal_info.stamp
        respond(response)
        if goal_handle is not None:
            await await_or_execute(self._handle_accepted_callback, goal_handle)

    async def _accept(self, request: Any) -> ServerGoalHandle | None:
        if self._find(request.goal_id) is not None:
            return None
        answer = await await_or_execute(self._goal_callback, request.goal)
        if not isinstance(answer, GoalResponse):
            self._logger.warning("Goal request callback did not return a GoalResponse type. Rejecting goal.")
        if answer is not GoalResponse.ACCEPT:
            return None
        goal_info = GoalInfo(goal_id=request.goal_id, stamp=self._node.get_clock().now().to_msg())
        with self._lock:
            if self._destroyed or self._find(request.goal_id) is not None:  # or accepted already, while we asked
                return None
            goal_handle = self._goal_handles[bytes(request.goal_id.uuid)] = ServerGoalHandle(
                self, goal_info, request.goal
            )
        return goal_handle

    async def _receive_cancel(self, request: CancelGoal.Request, respond: Respond) -> None:
        return_code, goal_handles = self._to_cancel(request.goal_info)
        response = CancelGoal.Response(return_code=return_code)
        for goal_handle in goal_handles:
            if await await_or_execute(self._cancel_callback, goal_handle) != CancelResponse.ACCEPT:
                continue
            try:
                goal_handle._update_state(GoalEvent.CANCEL_GOAL)
            except RCLError as error:  # it ended while the callback thought
                self._logger.debug(f"Failed to cancel goal in cancel callback: {error}")
            else:
                response.goals_canceling.append(goal_handle._goal_info)
        respond(response)

    def _to_cancel(self, wanted: GoalInfo) -> tuple[int, list[ServerGoalHandle]]:
        """A return code, and the goals: the one named, or all up to the stamp, or, where neither is given, all."""
        stamp_ns = Time.from_msg(wanted.stamp).nanoseconds
        named = any(wanted.goal_id.uuid)
        with self._lock:
            if named and not stamp_ns:
                goal_handle = self._find(wanted.goal_id)
                if goal_handle is None:
                    return CancelGoal.Response.ERROR_UNKNOWN_GOAL_ID, []
                if not is_cancelable(goal_handle.status):
                    return CancelGoal.Response.ERROR_GOAL_TERMINATED, []
                return CancelGoal.Response.ERROR_NONE, [goal_handle]
            return CancelGoal.Response.ERROR_NONE, [
                goal_handle
                for goal_handle in self._goal_handles.values()
                if is_cancelable(goal_handle.status)
                and (
                    not (named or stamp_ns)
                    or Time.from_msg(goal_handle._goal_info.stamp).nanoseconds <= stamp_ns
                    or goal_handle.goal_id == wanted.goal_id
                )
            ]

    def _receive_result_request(self, request: Any, respond: Respond) -> None:
        goal_handle = self._find(request.goal_id)
        if goal_handle is None:
            respond(self._action_type.Impl.GetResultService.Response(status=GoalStatus.STATUS_UNKNOWN))
        else:
            goal_handle._response.add_done_callback(lambda future: respond(future.result()))

    # --- goals

    def _execute(self, goal_handle: ServerGoalHandle, callback: Callable[[ServerGoalHandle], Any] | None) -> None:
        self._node.executor.create_task(self._run_goal, callback or self._execute_callback, goal_handle)

    async def _run_goal(self, callback: Callable[[ServerGoalHandle], Any], goal_handle: ServerGoalHandle) -> None:
        try:
            result = await await_or_execute(callback, goal_handle)
        except Exception as error:
            self._logger.error(f"Error raised in execute callback: {error}")
            traceback.print_exc()
            result = self._action_type.Result()
        if goal_handle.is_active:
            self._logger.warning(f"Goal state not set, assuming aborted. Goal ID: {goal_handle.goal_id.uuid}")
            goal_handle.abort()
        if not isinstance(result, self._action_type.Result):
            raise TypeError(
                f"the execute callback of action {self._action_name} must return a "
                f"{self._action_type.__name__}.Result, not {type(result).__name__}"
            )
        if goal_handle.status != GoalStatus.STATUS_UNKNOWN:
            response_type = self._action_type.Impl.GetResultService.Response
            goal_handle._response.set_result(response_type(status=goal_handle.status, result=result))

    def _find(self, goal_id: Any) -> ServerGoalHandle | None:
        with self._lock:
            self._forget_expired()
            return self._goal_handles.get(bytes(goal_id.uuid))

    def _forget_expired(self) -> None:
        oldest_ns = self._now_ns() - self._result_timeout_ns
        for key, goal_handle in list(self._goal_handles.items()):
            if goal_handle._response.done() and goal_handle._ended_ns < oldest_ns:
                del self._goal_handles[key]
                goal_handle.destroy()

    def _publish_status(self) -> None:
        self._forget_expired()
        self._status_publisher.publish(
            GoalStatusArray(
                status_list=[
                    GoalStatus(goal_info=goal_handle._goal_info, status=goal_handle.status)
                    for goal_handle in self._goal_handles.values()
                ]
            )
        )

    def _publish_feedback(self, goal_handle: ServerGoalHandle, feedback: Any) -> None:
        with self._lock:
            if goal_handle.status != GoalStatus.STATUS_UNKNOWN:
                message_type = self._action_type.Impl.FeedbackMessage
                self._feedback_publisher.publish(message_type(goal_id=goal_handle.goal_id, feedback=feedback))

    def _now_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds
