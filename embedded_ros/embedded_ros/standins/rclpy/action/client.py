"""Action clients."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from action_msgs.msg import GoalInfo, GoalStatus, GoalStatusArray
from action_msgs.srv import CancelGoal
from unique_identifier_msgs.msg import UUID

from .._polling import wait_until
from ..callback_groups import CallbackGroup
from ..node import Node
from ..qos import (
    QoSProfile,
    qos_profile_action_status_default,
    qos_profile_default,
    qos_profile_services_default,
)
from ..task import Future
from ._action_type import require_action


class ClientGoalHandle:
    """A goal as its client sees it: whether it was accepted, how it stands, and how to end it or get its result."""

    def __init__(self, action_client: ActionClient, goal_id: UUID, goal_response: Any) -> None:
        self._action_client = action_client
        self._goal_id = goal_id
        self._goal_response = goal_response
        self._status = GoalStatus.STATUS_UNKNOWN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClientGoalHandle) and self._goal_id == other._goal_id

    __hash__ = None  # type: ignore[assignment]  # as in rclpy

    def __repr__(self) -> str:
        return f"ClientGoalHandle <id={self.goal_id.uuid}, accepted={self.accepted}, status={self.status}>"

    @property
    def goal_id(self) -> UUID:
        return self._goal_id

    @property
    def stamp(self) -> Any:
        """When the server accepted the goal."""
        return self._goal_response.stamp

    @property
    def accepted(self) -> bool:
        return self._goal_response.accepted

    @property
    def status(self) -> int:
        """One of GoalStatus, as the server last published it."""
        return self._status

    def cancel_goal(self) -> CancelGoal.Response:
        """Ask the server to cancel, and wait for its answer; never from a callback."""
        return _wait_for(self.cancel_goal_async())

    def cancel_goal_async(self) -> Future:
        """Ask the server to cancel: a future of CancelGoal.Response."""
        return self._action_client._cancel_goal_async(self)

    def get_result(self) -> Any:
        """Wait for the goal's end; never from a callback."""
        return _wait_for(self.get_result_async())

    def get_result_async(self) -> Future:
        """A future of the response with the goal's final `status` and its `result`."""
        return self._action_client._get_result_async(self)


class ActionClient:
    """Sends goals to an action's server."""

    def __init__(
        self,
        node: Node,
        action_type: Any,
        action_name: str,
        *,
        callback_group: CallbackGroup | None = None,
        goal_service_qos_profile: QoSProfile = qos_profile_services_default,
        result_service_qos_profile: QoSProfile = qos_profile_services_default,
        cancel_service_qos_profile: QoSProfile = qos_profile_services_default,
        feedback_sub_qos_profile: QoSProfile = qos_profile_default,
        status_sub_qos_profile: QoSProfile = qos_profile_action_status_default,
    ) -> None:
        require_action(action_type)
        self._node = node
        self._action_type = action_type
        self._action_name = action_name
        self._goal_handles: WeakValueDictionary[bytes, ClientGoalHandle] = WeakValueDictionary()
        self._feedback_callbacks: dict[bytes, Callable[[Any], Any]] = {}
        impl, prefix = action_type.Impl, f"{action_name}/_action"
        with node._graph.batch():
            self._feedback_subscription = node.create_subscription(
                impl.FeedbackMessage,
                f"{prefix}/feedback",
                self._receive_feedback,
                feedback_sub_qos_profile,
                callback_group=callback_group,
            )
            self._status_subscription = node.create_subscription(
                GoalStatusArray,
                f"{prefix}/status",
                self._receive_status,
                status_sub_qos_profile,
                callback_group=callback_group,
            )
            self._goal_client, self._cancel_client, self._result_client = (
                node.create_client(service_type, f"{prefix}/{name}", qos_profile=qos, callback_group=callback_group)
                for name, service_type, qos in (
                    ("send_goal", impl.SendGoalService, goal_service_qos_profile),
                    ("cancel_goal", CancelGoal, cancel_service_qos_profile),
                    ("get_result", impl.GetResultService, result_service_qos_profile),
                )
            )

    def send_goal(self, goal: Any, **kwargs: Any) -> Any:
        """Send a goal and wait for the response with its final status and result; never from a callback."""
        return _wait_for(self.send_goal_async(goal, **kwargs)).get_result()

    def send_goal_async(
        self, goal: Any, feedback_callback: Callable[[Any], Any] | None = None, goal_uuid: UUID | None = None
    ) -> Future:
        """Send a goal: a future of its ClientGoalHandle, once the server has accepted or rejected it.

        feedback_callback takes messages whose `feedback` is the action's. goal_uuid is random unless given.
        """
        if not isinstance(goal, self._action_type.Goal):
            raise TypeError(f"Expected {self._action_type.Goal}, got {type(goal)}")
        goal_id = goal_uuid if goal_uuid is not None else UUID(uuid=list(uuid.uuid4().bytes))
        key = bytes(goal_id.uuid)
        # Known before the server answers: the goal's first states and feedback may come before the answer does.
        goal_handle = self._goal_handles[key] = ClientGoalHandle(self, goal_id, None)
        if feedback_callback is not None:
            self._feedback_callbacks[key] = feedback_callback
        accepted = Future(executor=self._node.executor)
        answered = self._goal_client.call_async(
            self._action_type.Impl.SendGoalService.Request(goal_id=goal_id, goal=goal)
        )

        def tell(answered: Future) -> None:
            goal_handle._goal_response = answered.result()
            if not goal_handle.accepted:
                self._feedback_callbacks.pop(key, None)
            accepted.set_result(goal_handle)

        answered.add_done_callback(tell)
        return accepted

    def server_is_ready(self) -> bool:
        """Whether a server is there with all its services and topics."""
        clients = (self._goal_client, self._cancel_client, self._result_client)
        subscriptions = (self._feedback_subscription, self._status_subscription)
        return all(client.service_is_ready() for client in clients) and all(
            subscription.get_publisher_count() for subscription in subscriptions
        )

    def wait_for_server(self, timeout_sec: float | None = None) -> bool:
        """Wait until a server is ready; False when the time-out or the context's end comes first."""
        return wait_until(self.server_is_ready, self._node.context, timeout_sec)

    def destroy(self) -> None:
        with self._node._graph.batch():
            for subscription in (self._feedback_subscription, self._status_subscription):
                self._node.destroy_subscription(subscription)
            for client in (self._goal_client, self._cancel_client, self._result_client):
                self._node.destroy_client(client)

    def _cancel_goal_async(self, goal_handle: ClientGoalHandle) -> Future:
        return self._cancel_client.call_async(CancelGoal.Request(goal_info=GoalInfo(goal_id=goal_handle.goal_id)))

    def _get_result_async(self, goal_handle: ClientGoalHandle) -> Future:
        request = self._action_type.Impl.GetResultService.Request(goal_id=goal_handle.goal_id)
        future = self._result_client.call_async(request)
        future.add_done_callback(lambda _: self._feedback_callbacks.pop(bytes(goal_handle.goal_id.uuid), None))
        return future

    def _receive_feedback(self, message: Any) -> Any:
        callback = self._feedback_callbacks.get(bytes(message.goal_id.uuid))
        return callback(message) if callback is not None else None

    def _receive_status(self, message: GoalStatusArray) -> None:
        for entry in message.status_list:
            goal_handle = self._goal_handles.get(bytes(entry.goal_info.goal_id.uuid))
            if goal_handle is not None:
                goal_handle._status = entry.status


def _wait_for(future: Future) -> Any:
    """The future's result, which another thread's executor must bring."""
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    done.wait()
    return future.result()
