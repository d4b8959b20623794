"""Actions: goals, feedback, results and cancellation."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from action_msgs.msg import GoalStatus, GoalStatusArray
from action_msgs.srv import CancelGoal
from control_msgs.action import GripperCommand
from rclpy.action import (
    ActionClient,
    ActionServer,
    CancelResponse,
    GoalResponse,
    get_action_client_names_and_types_by_node,
    get_action_names_and_types,
    get_action_server_names_and_types_by_node,
)
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor
from rclpy.qos import qos_profile_action_status_default
from rclpy.task import Future
from unique_identifier_msgs.msg import UUID

TYPE = "control_msgs/action/GripperCommand"


def goal_to(position: float) -> GripperCommand.Goal:
    goal = GripperCommand.Goal()
    goal.command.position = position
    return goal


def reach(goal_handle: Any) -> GripperCommand.Result:
    """Succeed at once, with the position that was asked for."""
    goal_handle.succeed()
    return GripperCommand.Result(position=goal_handle.request.command.position, reached_goal=True)


def wait_for_cancel(goal_handle: Any) -> GripperCommand.Result:
    goal_handle.canceled()
    return GripperCommand.Result(stalled=True)


def put_off(goal_handle: Any) -> None:
    """A handle_accepted callback: the goal is not executed."""


def accept(goal_handle: Any) -> CancelResponse:
    return CancelResponse.ACCEPT


class Gripper:
    """An action server and a client of it, in two nodes of one graph."""

    def __init__(self, graph: Any, execute: Callable[[Any], Any] = reach, **options: Any) -> None:
        self.graph = graph
        self.server_node = graph.node("server")
        self.server = ActionServer(self.server_node, GripperCommand, "grip", execute, **options)
        self.client_node = graph.node("client")
        self.client = ActionClient(self.client_node, GripperCommand, "grip")
        graph.spin_until(self.client.server_is_ready)

    def done(self, future: Any) -> Any:
        self.graph.spin_until(future.done)
        return future.result()

    def send(self, position: float = 0.0, **options: Any) -> Any:
        return self.done(self.client.send_goal_async(goal_to(position), **options))

    def result(self, goal_handle: Any) -> Any:
        return self.done(goal_handle.get_result_async())

    def cancel(self, goal_handle: Any) -> CancelGoal.Response:
        return self.done(goal_handle.cancel_goal_async())


def test_an_accepted_goal_gets_its_result(graph) -> None:
    gripper = Gripper(graph)
    goal = gripper.send(0.25)
    assert goal.accepted
    assert goal.stamp.sec > 0
    response = gripper.result(goal)
    assert response.status == GoalStatus.STATUS_SUCCEEDED
    assert response.result == GripperCommand.Result(position=0.25, reached_goal=True)


def test_the_goal_callback_sees_the_goal_and_may_reject_it(graph) -> None:
    seen: list[float] = []

    def choose(goal: GripperCommand.Goal) -> GoalResponse:
        seen.append(goal.command.position)
        return GoalResponse.REJECT if goal.command.position < 0.0 else GoalResponse.ACCEPT

    gripper = Gripper(graph, goal_callback=choose)
    assert [gripper.send(position).accepted for position in (-1.0, 1.0)] == [False, True]
    assert seen == [-1.0, 1.0]


def test_a_goal_callback_that_gives_no_goal_response_rejects(graph) -> None:
    assert not Gripper(graph, goal_callback=lambda goal: True).send().accepted


def test_a_rejected_goal_has_no_result(graph) -> None:
    gripper = Gripper(graph, goal_callback=lambda goal: GoalResponse.REJECT)
    assert gripper.result(gripper.send()).status == GoalStatus.STATUS_UNKNOWN


def test_callbacks_may_be_coroutines(graph) -> None:
    async def choose(goal: GripperCommand.Goal) -> GoalResponse:
        return GoalResponse.ACCEPT

    async def run_it(goal_handle: Any) -> None:
        goal_handle.execute()

    async def execute(goal_handle: Any) -> GripperCommand.Result:
        return reach(goal_handle)

    gripper = Gripper(graph, execute, goal_callback=choose, handle_accepted_callback=run_it)
    assert gripper.result(gripper.send(0.5)).result.position == 0.5


def test_feedback_comes_in_order_and_to_its_goal_alone(graph) -> None:
    def execute(goal_handle: Any) -> GripperCommand.Result:
        for step in range(5):
            goal_handle.publish_feedback(
                GripperCommand.Feedback(position=goal_handle.request.command.position, effort=float(step))
            )
        return reach(goal_handle)

    gripper = Gripper(graph, execute)
    received: dict[float, list[tuple[float, float]]] = {1.0: [], 2.0: []}
    for position, messages in received.items():
        gripper.send(
            position,
            feedback_callback=lambda message, into=messages: into.append(
                (message.feedback.position, message.feedback.effort)
            ),
        )
    graph.spin_until(lambda: all(len(messages) == 5 for messages in received.values()))
    for position, messages in received.items():
        assert messages == [(position, float(step)) for step in range(5)]


def test_cancelling_asks_the_execution_to_end(graph) -> None:
    noticed: list[bool] = []
    go_on = Future()

    async def execute(goal_handle: Any) -> GripperCommand.Result:
        await go_on
        noticed.append(goal_handle.is_cancel_requested)
        return wait_for_cancel(goal_handle)

    gripper = Gripper(graph, execute, cancel_callback=accept)
    goal = gripper.send()
    response = gripper.cancel(goal)
    assert [canceling.goal_id for canceling in response.goals_canceling] == [goal.goal_id]
    go_on.set_result(None)
    graph.executor.wake()
    ended = gripper.result(goal)
    assert (ended.status, ended.result.stalled) == (GoalStatus.STATUS_CANCELED, True)
    assert noticed == [True]


def test_cancelling_is_refused_unless_the_server_allows_it(graph) -> None:
    gripper = Gripper(graph, handle_accepted_callback=put_off)
    assert not gripper.cancel(gripper.send()).goals_canceling


def test_a_goal_may_be_cancelled_before_it_is_executed(graph) -> None:
    waiting: list[Any] = []
    gripper = Gripper(graph, wait_for_cancel, handle_accepted_callback=waiting.append, cancel_callback=accept)
    goal = gripper.send()
    assert len(gripper.cancel(goal).goals_canceling) == 1
    waiting[0].execute()
    assert gripper.result(goal).status == GoalStatus.STATUS_CANCELED


def test_a_goal_that_has_ended_cannot_be_cancelled(graph) -> None:
    gripper = Gripper(graph, cancel_callback=accept)
    goal = gripper.send()
    gripper.result(goal)
    response = gripper.cancel(goal)
    assert response.return_code == CancelGoal.Response.ERROR_GOAL_TERMINATED
    assert not response.goals_canceling


def test_an_unknown_goal_cannot_be_cancelled(graph) -> None:
    gripper = Gripper(graph, cancel_callback=accept)
    client = gripper.client_node.create_client(CancelGoal, "grip/_action/cancel_goal")
    assert client.wait_for_service(10.0)
    request = CancelGoal.Request()
    request.goal_info.goal_id = UUID(uuid=list(uuid.uuid4().bytes))
    response = gripper.done(client.call_async(request))
    assert response.return_code == CancelGoal.Response.ERROR_UNKNOWN_GOAL_ID


def test_a_cancel_request_without_id_and_time_is_for_all_goals(graph) -> None:
    asked: list[float] = []

    def choose(goal_handle: Any) -> CancelResponse:
        asked.append(goal_handle.request.command.position)
        return CancelResponse.ACCEPT

    gripper = Gripper(graph, handle_accepted_callback=put_off, cancel_callback=choose)
    goals = [gripper.send(position) for position in (1.0, 2.0, 3.0)]
    client = gripper.client_node.create_client(CancelGoal, "grip/_action/cancel_goal")
    assert client.wait_for_service(10.0)
    response = gripper.done(client.call_async(CancelGoal.Request()))
    canceling = {bytes(info.goal_id.uuid) for info in response.goals_canceling}
    assert canceling == {bytes(goal.goal_id.uuid) for goal in goals}
    assert sorted(asked) == [1.0, 2.0, 3.0]


def test_an_aborted_goal_has_its_result(graph) -> None:
    def execute(goal_handle: Any) -> GripperCommand.Result:
        goal_handle.abort()
        return GripperCommand.Result(stalled=True)

    gripper = Gripper(graph, execute)
    response = gripper.result(gripper.send())
    assert (response.status, response.result.stalled) == (GoalStatus.STATUS_ABORTED, True)


def test_an_exception_in_the_execution_aborts_the_goal(graph) -> None:
    def execute(goal_handle: Any) -> GripperCommand.Result:
        raise ValueError("the fingers are stuck")

    gripper = Gripper(graph, execute)
    response = gripper.result(gripper.send())
    assert (response.status, response.result) == (GoalStatus.STATUS_ABORTED, GripperCommand.Result())
    # The server goes on.
    gripper.server.register_execute_callback(reach)
    assert gripper.result(gripper.send()).status == GoalStatus.STATUS_SUCCEEDED


def test_a_goal_left_without_an_end_is_aborted(graph) -> None:
    gripper = Gripper(graph, lambda goal_handle: GripperCommand.Result(position=0.125))
    response = gripper.result(gripper.send())
    assert (response.status, response.result.position) == (GoalStatus.STATUS_ABORTED, 0.125)


def test_a_goal_ends_once(graph) -> None:
    refused: list[Exception] = []

    def execute(goal_handle: Any) -> GripperCommand.Result:
        result = reach(goal_handle)
        assert not goal_handle.is_active
        try:
            goal_handle.abort()
        except RuntimeError as error:
            refused.append(error)
        return result

    gripper = Gripper(graph, execute)
    assert gripper.result(gripper.send()).status == GoalStatus.STATUS_SUCCEEDED
    assert len(refused) == 1


def test_the_result_can_be_had_again_after_the_end(graph) -> None:
    gripper = Gripper(graph)
    goal = gripper.send(0.75)
    assert [gripper.result(goal).result.position for _ in range(2)] == [0.75, 0.75]


def test_results_are_forgotten_after_the_time_given(graph) -> None:
    gripper = Gripper(graph, result_timeout=0.2)
    goal = gripper.send()
    graph.spin_until(lambda: gripper.result(goal).status == GoalStatus.STATUS_UNKNOWN)


def test_goals_at_once_keep_apart(graph) -> None:
    waiting: list[Any] = []
    gripper = Gripper(graph, handle_accepted_callback=waiting.append)
    goals = [gripper.send(position) for position in (1.0, 2.0, 3.0)]
    futures = [goal.get_result_async() for goal in goals]
    for goal_handle in reversed(waiting):
        goal_handle.execute()
    graph.spin_until(lambda: all(future.done() for future in futures))
    assert [future.result().result.position for future in futures] == [1.0, 2.0, 3.0]


def test_a_known_goal_id_is_refused(graph) -> None:
    gripper = Gripper(graph, handle_accepted_callback=put_off)
    goal_id = UUID(uuid=list(range(16)))
    first = gripper.send(goal_uuid=goal_id)
    assert first.accepted
    assert bytes(first.goal_id.uuid) == bytes(range(16))
    other = ActionClient(gripper.client_node, GripperCommand, "grip")
    graph.spin_until(other.server_is_ready)
    assert not gripper.done(other.send_goal_async(goal_to(0.0), goal_uuid=goal_id)).accepted


def test_executing_is_up_to_the_handle_accepted_callback(graph) -> None:
    waiting: list[Any] = []
    gripper = Gripper(graph, handle_accepted_callback=waiting.append)
    goal = gripper.send()
    graph.spin_until(lambda: waiting)
    assert waiting[0].status == GoalStatus.STATUS_ACCEPTED
    assert waiting[0].is_active
    assert waiting[0].goal_id == goal.goal_id

    def stall(goal_handle: Any) -> GripperCommand.Result:
        assert goal_handle.status == GoalStatus.STATUS_EXECUTING
        goal_handle.succeed()
        return GripperCommand.Result(stalled=True)

    waiting[0].execute(stall)
    assert gripper.result(goal).result.stalled


def test_the_clients_handle_follows_the_goals_status(graph) -> None:
    go_on = Future()

    async def execute(goal_handle: Any) -> GripperCommand.Result:
        await go_on
        return reach(goal_handle)

    gripper = Gripper(graph, execute)
    goal = gripper.send()
    graph.spin_until(lambda: goal.status == GoalStatus.STATUS_EXECUTING)
    go_on.set_result(None)
    graph.executor.wake()
    graph.spin_until(lambda: goal.status == GoalStatus.STATUS_SUCCEEDED)


def test_late_subscribers_get_the_goals_status(graph) -> None:
    gripper = Gripper(graph)
    goal = gripper.send()
    gripper.result(goal)
    received: list[GoalStatusArray] = []
    gripper.client_node.create_subscription(
        GoalStatusArray, "grip/_action/status", received.append, qos_profile_action_status_default
    )
    graph.spin_until(lambda: received)
    (status,) = received[0].status_list
    assert status.status == GoalStatus.STATUS_SUCCEEDED
    assert status.goal_info.goal_id == goal.goal_id
    assert status.goal_info.stamp.sec > 0


def test_an_execution_that_waits_lets_others_run(graph) -> None:
    turns = [Future(), Future()]
    order: list[float] = []

    async def execute(goal_handle: Any) -> GripperCommand.Result:
        await turns[int(goal_handle.request.command.position)]
        order.append(goal_handle.request.command.position)
        return reach(goal_handle)

    gripper = Gripper(graph, execute)
    futures = [gripper.send(position).get_result_async() for position in (0.0, 1.0)]
    for turn, future in reversed(list(zip(turns, futures, strict=True))):
        turn.set_result(None)
        graph.executor.wake()
        gripper.done(future)
    assert order == [1.0, 0.0]


def test_a_multi_threaded_executor_runs_goals_at_once(graph) -> None:
    executor = MultiThreadedExecutor(4, context=graph.context)
    node = graph.node("both", spun=False)
    executor.add_node(node)
    together = threading.Barrier(2)

    def execute(goal_handle: Any) -> GripperCommand.Result:
        together.wait(30.0)  # neither passes without the other
        return reach(goal_handle)

    ActionServer(node, GripperCommand, "grip", execute, callback_group=ReentrantCallbackGroup())
    client = ActionClient(node, GripperCommand, "grip")
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    assert client.wait_for_server(30.0)
    responses: list[Any] = []
    callers = [
        threading.Thread(target=lambda position=position: responses.append(client.send_goal(goal_to(position))))
        for position in (1.0, 2.0)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60.0)
    executor.shutdown()
    thread.join(30.0)
    assert sorted(response.result.position for response in responses) == [1.0, 2.0]
    assert {response.status for response in responses} == {GoalStatus.STATUS_SUCCEEDED}


def test_waiting_calls_are_answered_through_another_threads_executor(graph) -> None:
    waiting: list[Any] = []
    gripper = Gripper(graph, wait_for_cancel, handle_accepted_callback=waiting.append, cancel_callback=accept)
    goal = gripper.send()
    thread = threading.Thread(target=graph.executor.spin, daemon=True)
    thread.start()
    assert len(goal.cancel_goal().goals_canceling) == 1
    waiting[0].execute()
    assert goal.get_result().status == GoalStatus.STATUS_CANCELED
    graph.executor.shutdown()
    thread.join(30.0)


def test_waiting_for_a_server_ends_with_the_time_given(graph) -> None:
    client = ActionClient(graph.node("client"), GripperCommand, "grip")
    assert not client.server_is_ready()
    assert not client.wait_for_server(timeout_sec=0.3)
    ActionServer(graph.node("server"), GripperCommand, "grip", reach)
    assert client.wait_for_server(timeout_sec=30.0)


def test_a_server_that_goes_is_missed(graph) -> None:
    gripper = Gripper(graph)
    gripper.server.destroy()
    graph.spin_until(lambda: not gripper.client.server_is_ready())


def test_a_client_that_goes_leaves_the_server_working(graph) -> None:
    waiting: list[Any] = []
    gripper = Gripper(graph, handle_accepted_callback=waiting.append)
    gripper.send().get_result_async()
    gripper.client.destroy()
    other = ActionClient(gripper.client_node, GripperCommand, "grip")
    graph.spin_until(other.server_is_ready)
    goal = gripper.done(other.send_goal_async(goal_to(0.5)))
    for goal_handle in waiting:
        goal_handle.execute()
    assert gripper.result(goal).result.position == 0.5


def test_goals_feedback_and_handlers_of_another_type_are_refused(graph) -> None:
    waiting: list[Any] = []
    gripper = Gripper(graph, handle_accepted_callback=waiting.append)
    with pytest.raises(TypeError):
        gripper.client.send_goal_async(GripperCommand.Result())
    gripper.send()
    graph.spin_until(lambda: waiting)
    with pytest.raises(TypeError):
        waiting[0].publish_feedback(GripperCommand.Result())
    with pytest.raises(TypeError, match="not callable"):
        gripper.server.register_execute_callback(None)  # type: ignore[arg-type]


def test_names_follow_the_namespace_of_the_node(graph) -> None:
    ActionServer(graph.node("server", namespace="/left"), GripperCommand, "grip", reach)
    client = ActionClient(graph.node("client"), GripperCommand, "/left/grip")
    graph.spin_until(client.server_is_ready)


def test_an_action_is_remapped_by_its_services_and_topics(graph) -> None:
    rules = [
        argument
        for part in ("send_goal", "cancel_goal", "get_result", "feedback", "status")
        for argument in ("-r", f"grip/_action/{part}:=hand/_action/{part}")
    ]
    node = graph.node("server", cli_args=["--ros-args", *rules])
    ActionServer(node, GripperCommand, "grip", reach)
    client = ActionClient(graph.node("client"), GripperCommand, "hand")
    graph.spin_until(client.server_is_ready)
    future = client.send_goal_async(goal_to(0.5))
    graph.spin_until(future.done)
    assert future.result().accepted


def test_the_graph_knows_actions_their_servers_and_clients(graph) -> None:
    gripper = Gripper(graph)
    node = gripper.client_node
    grip = [("/grip", [TYPE])]
    graph.spin_until(lambda: get_action_server_names_and_types_by_node(node, "server", "/") == grip)
    graph.spin_until(lambda: get_action_client_names_and_types_by_node(node, "client", "/") == grip)
    assert get_action_names_and_types(node) == grip
    assert get_action_server_names_and_types_by_node(node, "client", "/") == []
    assert get_action_client_names_and_types_by_node(node, "server", "/") == []


def test_an_action_is_three_services_and_two_topics(graph) -> None:
    node = Gripper(graph).client_node
    services, topics = dict(node.get_service_names_and_types()), dict(node.get_topic_names_and_types())
    assert services["/grip/_action/send_goal"] == [f"{TYPE}_SendGoal"]
    assert services["/grip/_action/get_result"] == [f"{TYPE}_GetResult"]
    assert services["/grip/_action/cancel_goal"] == ["action_msgs/srv/CancelGoal"]
    assert topics["/grip/_action/feedback"] == [f"{TYPE}_FeedbackMessage"]
    assert topics["/grip/_action/status"] == ["action_msgs/msg/GoalStatusArray"]
