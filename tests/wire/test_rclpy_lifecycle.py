"""Lifecycle nodes."""

from __future__ import annotations

import pytest
from lifecycle_msgs.msg import State, Transition, TransitionEvent
from lifecycle_msgs.srv import ChangeState, GetAvailableStates, GetAvailableTransitions, GetState
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from std_msgs.msg import String

SUCCESS, FAILURE, ERROR = TransitionCallbackReturn


class Managed(LifecycleNode):
    """Answers transitions as the test says, and notes them."""

    def __init__(self, graph, **answers: TransitionCallbackReturn | Exception) -> None:
        super().__init__("managed", context=graph.context)
        graph.executor.add_node(self)
        self.answers = answers
        self.calls: list[str] = []
        self.publisher = self.create_lifecycle_publisher(String, "out", 10)

    def _answer(self, name: str, state: LifecycleState) -> TransitionCallbackReturn:
        self.calls.append(f"{name} from {state.label}")
        answer = self.answers.get(name, SUCCESS)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._answer("configure", state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        answer = self._answer("activate", state)
        return super().on_activate(state) if answer is SUCCESS else answer

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._answer("error", state)


class Caller:
    def __init__(self, graph) -> None:
        self.graph, self.node = graph, graph.node("caller")

    def call(self, kind, name: str, request=None):
        client = self.node.create_client(kind, f"/managed/{name}")
        assert client.wait_for_service(10.0)
        future = client.call_async(request or kind.Request())
        self.graph.spin_until(future.done)
        self.node.destroy_client(client)
        return future.result()

    def change(self, transition: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=transition))
        return self.call(ChangeState, "change_state", request).success

    def state(self) -> str:
        return self.call(GetState, "get_state").current_state.label


def test_the_whole_way_by_triggers(graph) -> None:
    node = Managed(graph)
    for trigger in ("configure", "activate", "deactivate", "cleanup", "shutdown"):
        assert getattr(node, f"trigger_{trigger}")() is SUCCESS
    assert node.calls == ["configure from unconfigured", "activate from inactive"]


def test_a_transition_that_the_state_does_not_have_raises(graph) -> None:
    node = Managed(graph)
    with pytest.raises(RuntimeError, match="'activate' is not possible from state 'unconfigured'"):
        node.trigger_activate()


def test_services_change_and_tell_the_state(graph) -> None:
    Managed(graph)
    caller = Caller(graph)
    assert caller.state() == "unconfigured"
    assert not caller.change(Transition.TRANSITION_ACTIVATE)
    assert caller.change(Transition.TRANSITION_CONFIGURE)
    assert caller.state() == "inactive"
    possible = caller.call(GetAvailableTransitions, "get_available_transitions").available_transitions
    assert {t.transition.label for t in possible} == {"cleanup", "activate", "shutdown"}
    states = caller.call(GetAvailableStates, "get_available_states").available_states
    assert State(id=State.PRIMARY_STATE_ACTIVE, label="active") in states
    everything = caller.call(GetAvailableTransitions, "get_transition_graph").available_transitions
    assert len(everything) == 7
    by_label = ChangeState.Request(transition=Transition(label="activate"))
    assert caller.call(ChangeState, "change_state", by_label).success
    assert caller.state() == "active"
    assert caller.change(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert caller.state() == "finalized"


def test_a_failure_stays_where_it_was(graph) -> None:
    node = Managed(graph, configure=FAILURE)
    assert node.trigger_configure() is FAILURE
    assert Caller(graph).state() == "unconfigured"


@pytest.mark.parametrize("problem", [ERROR, ValueError("in the callback")])
@pytest.mark.parametrize(("handled", "state"), [(SUCCESS, "unconfigured"), (FAILURE, "finalized")])
def test_an_error_is_handled_or_final(graph, capfd, problem, handled, state: str) -> None:
    node = Managed(graph, activate=problem, error=handled)
    node.trigger_configure()
    assert node.trigger_activate() is ERROR
    assert node.calls[-1] == "error from inactive"
    assert Caller(graph).state() == state
    assert ("in the callback" in capfd.readouterr().err) == isinstance(problem, ValueError)


def test_lifecycle_publishers_are_silent_while_inactive(graph) -> None:
    node = Managed(graph)
    received: list[str] = []
    graph.node("listener").create_subscription(String, "out", lambda m: received.append(m.data), 10)
    graph.spin_until(lambda: node.publisher.get_subscription_count())
    node.publisher.publish(String(data="unconfigured"))
    node.trigger_configure()
    node.publisher.publish(String(data="inactive"))
    node.trigger_activate()
    assert node.publisher.is_activated
    node.publisher.publish(String(data="active"))
    node.trigger_deactivate()
    node.publisher.publish(String(data="inactive again"))
    graph.spin_until(lambda: received)
    graph.executor.spin_once(timeout_sec=0.02)
    assert received == ["active"]


def test_transitions_are_published(graph) -> None:
    events: list[TransitionEvent] = []
    node = Managed(graph)
    listener = graph.node("listener")
    subscription = listener.create_subscription(TransitionEvent, "/managed/transition_event", events.append, 10)
    graph.spin_until(
        lambda: subscription.get_publisher_count() and listener.count_subscribers("/managed/transition_event")
    )
    graph.executor.spin_once(timeout_sec=0.05)
    node.trigger_configure()
    graph.spin_until(lambda: len(events) == 2)
    assert [(e.start_state.label, e.goal_state.label) for e in events] == [
        ("unconfigured", "configuring"),
        ("configuring", "inactive"),
    ]
    assert events[0].transition.label == "configure"
