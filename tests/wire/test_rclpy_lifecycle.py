"""Lifecycle nodes: their transitions, services, events and managed entities."""

from __future__ import annotations

import pytest
from lifecycle_msgs.msg import State, Transition, TransitionEvent
from lifecycle_msgs.srv import ChangeState, GetAvailableStates, GetAvailableTransitions, GetState
from rclpy.lifecycle import LifecycleNode, LifecycleState, ManagedEntity, SimpleManagedEntity, TransitionCallbackReturn
from std_msgs.msg import String

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR
WAY = ("configure", "activate", "deactivate", "cleanup", "shutdown")


class Managed(LifecycleNode):
    """Answers transitions as the test says, and notes them."""

    def __init__(self, graph, **answers: TransitionCallbackReturn | type[Exception]) -> None:
        super().__init__("managed", context=graph.context)
        graph.executor.add_node(self)
        self.answers = answers
        self.calls: list[str] = []
        self.publisher = self.create_lifecycle_publisher(String, "out", 10)

    def _answer(self, name: str, state: LifecycleState) -> TransitionCallbackReturn:
        self.calls.append(f"{name} from {state.label}")
        answer = self.answers.get(name, SUCCESS)
        if isinstance(answer, type):
            raise answer("in the callback")
        return answer

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._answer("configure", state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        answer = self._answer("activate", state)
        return super().on_activate(state) if answer == SUCCESS else answer

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        answer = self._answer("deactivate", state)
        return super().on_deactivate(state) if answer == SUCCESS else answer

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._answer("cleanup", state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._answer("shutdown", state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._answer("error", state)

    def trigger(self, *names: str) -> TransitionCallbackReturn:
        """Trigger transitions in turn; what the last came to."""
        outcomes: list[TransitionCallbackReturn] = [getattr(self, f"trigger_{name}")() for name in names]
        return outcomes[-1]


class Entity(ManagedEntity):
    """Notes the transitions it is told of."""

    def __init__(self, answer: TransitionCallbackReturn = SUCCESS) -> None:
        self.answer = answer
        self.told: list[str] = []

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.told.append(state.label)
        return self.answer


class Caller:
    def __init__(self, graph) -> None:
        self.graph, self.node = graph, graph.node("caller")

    def call(self, kind, name: str, request=None):
        client = self.node.create_client(kind, f"/managed/{name}")
        assert client.wait_for_service(60.0)
        future = client.call_async(request or kind.Request())
        self.graph.spin_until(future.done)
        self.node.destroy_client(client)
        return future.result()

    def change(self, transition: int = 0, label: str = "") -> bool:
        request = ChangeState.Request(transition=Transition(id=transition, label=label))
        return self.call(ChangeState, "change_state", request).success

    def state(self) -> str:
        return self.call(GetState, "get_state").current_state.label

    def transitions(self, service: str) -> list[tuple[str, str, str]]:
        found = self.call(GetAvailableTransitions, service).available_transitions
        return [(t.transition.label, t.start_state.label, t.goal_state.label) for t in found]


def test_a_node_begins_unconfigured(graph) -> None:
    Managed(graph)
    assert Caller(graph).state() == "unconfigured"


def test_triggers_lead_all_the_way(graph) -> None:
    node = Managed(graph)
    assert all(node.trigger(name) == SUCCESS for name in WAY)
    assert Caller(graph).state() == "finalized"


def test_callbacks_are_told_the_state_that_is_left(graph) -> None:
    node = Managed(graph)
    node.trigger(*WAY)
    assert node.calls == [
        "configure from unconfigured",
        "activate from inactive",
        "deactivate from active",
        "cleanup from inactive",
        "shutdown from unconfigured",
    ]


@pytest.mark.parametrize("before", [(), ("configure",), ("configure", "activate")])
def test_every_primary_state_can_shut_down(graph, before: tuple[str, ...]) -> None:
    node = Managed(graph)
    assert node.trigger(*before, "shutdown") == SUCCESS
    assert Caller(graph).state() == "finalized"


@pytest.mark.parametrize(
    ("before", "impossible"),
    [
        ((), "activate"),
        ((), "deactivate"),
        (("configure",), "configure"),
        (("configure", "activate"), "cleanup"),
        (("shutdown",), "configure"),
        (("shutdown",), "shutdown"),
    ],
)
def test_a_trigger_that_the_state_does_not_have_raises(graph, before: tuple[str, ...], impossible: str) -> None:
    node = Managed(graph)
    for name in before:
        node.trigger(name)
    with pytest.raises(RuntimeError):
        node.trigger(impossible)


@pytest.mark.parametrize(
    ("before", "failing", "state"),
    [
        ((), "configure", "unconfigured"),
        (("configure",), "activate", "inactive"),
        (("configure", "activate"), "deactivate", "active"),
        (("configure",), "cleanup", "inactive"),
    ],
)
def test_a_failure_leads_back(graph, before: tuple[str, ...], failing: str, state: str) -> None:
    node = Managed(graph, **{failing: FAILURE})
    assert node.trigger(*before, failing) == FAILURE
    assert Caller(graph).state() == state


def test_a_failed_shutdown_is_a_shutdown(graph) -> None:
    assert Managed(graph, shutdown=FAILURE).trigger("shutdown") == FAILURE
    assert Caller(graph).state() == "finalized"


@pytest.mark.parametrize("problem", [ERROR, ValueError])
@pytest.mark.parametrize(
    ("handled", "state"), [(SUCCESS, "unconfigured"), (FAILURE, "finalized"), (ERROR, "finalized")]
)
def test_an_error_is_handled_or_final(graph, problem, handled, state: str) -> None:
    node = Managed(graph, activate=problem, error=handled)
    assert node.trigger("configure", "activate") == ERROR
    assert node.calls[-1] == "error from inactive"
    assert Caller(graph).state() == state


def test_the_service_changes_the_state_by_id(graph) -> None:
    Managed(graph)
    caller = Caller(graph)
    assert caller.change(Transition.TRANSITION_CONFIGURE)
    assert caller.state() == "inactive"


def test_the_service_changes_the_state_by_label(graph) -> None:
    Managed(graph)
    caller = Caller(graph)
    assert caller.change(label="configure")
    assert caller.state() == "inactive"


def test_the_service_refuses_what_the_state_does_not_have(graph) -> None:
    node = Managed(graph)
    caller = Caller(graph)
    assert not caller.change(label="activate")
    assert (caller.state(), node.calls) == ("unconfigured", [])


def test_the_service_tells_of_a_failure(graph) -> None:
    Managed(graph, configure=FAILURE)
    assert not Caller(graph).change(Transition.TRANSITION_CONFIGURE)


def test_the_service_shuts_an_active_node_down(graph) -> None:
    Managed(graph).trigger("configure", "activate")
    caller = Caller(graph)
    assert caller.change(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert caller.state() == "finalized"


def test_the_states_are_told(graph) -> None:
    Managed(graph)
    states = Caller(graph).call(GetAvailableStates, "get_available_states").available_states
    assert {(state.id, state.label) for state in states} >= {
        (State.PRIMARY_STATE_UNCONFIGURED, "unconfigured"),
        (State.PRIMARY_STATE_INACTIVE, "inactive"),
        (State.PRIMARY_STATE_ACTIVE, "active"),
        (State.PRIMARY_STATE_FINALIZED, "finalized"),
        (State.TRANSITION_STATE_ERRORPROCESSING, "errorprocessing"),
    }


def test_the_possible_transitions_follow_the_state(graph) -> None:
    node = Managed(graph)
    caller = Caller(graph)
    assert set(caller.transitions("get_available_transitions")) == {
        ("configure", "unconfigured", "configuring"),
        ("shutdown", "unconfigured", "shuttingdown"),
    }
    node.trigger("configure")
    assert set(caller.transitions("get_available_transitions")) == {
        ("cleanup", "inactive", "cleaningup"),
        ("activate", "inactive", "activating"),
        ("shutdown", "inactive", "shuttingdown"),
    }


def test_the_graph_of_transitions_has_those_of_the_outcomes(graph) -> None:
    Managed(graph)
    transitions = set(Caller(graph).transitions("get_transition_graph"))
    assert len(transitions) == 25
    assert {
        ("activate", "inactive", "activating"),
        ("transition_success", "activating", "active"),
        ("transition_failure", "activating", "inactive"),
        ("transition_error", "activating", "errorprocessing"),
        ("transition_success", "errorprocessing", "unconfigured"),
    } <= transitions


def test_transitions_are_published(graph) -> None:
    events: list[TransitionEvent] = []
    node = Managed(graph)
    graph.node("listener").create_subscription(TransitionEvent, "/managed/transition_event", events.append, 100)

    def told() -> bool:
        if not events:  # nobody tells when that publisher has found its listener
            node.trigger("configure", "cleanup")
        return len(events) >= 4

    graph.spin_until(told)
    assert [(e.start_state.label, e.goal_state.label) for e in events[:4]] == [
        ("unconfigured", "configuring"),
        ("configuring", "inactive"),
        ("inactive", "cleaningup"),
        ("cleaningup", "unconfigured"),
    ]


def test_lifecycle_publishers_are_silent_while_inactive(graph) -> None:
    node = Managed(graph)
    received: list[str] = []
    graph.node("listener").create_subscription(String, "out", lambda m: received.append(m.data), 10)
    graph.spin_until(lambda: node.publisher.get_subscription_count())
    node.publisher.publish(String(data="unconfigured"))
    node.trigger("configure")
    node.publisher.publish(String(data="inactive"))
    node.trigger("activate")
    assert node.publisher.is_activated
    node.publisher.publish(String(data="active"))
    node.trigger("deactivate")
    assert not node.publisher.is_activated
    node.publisher.publish(String(data="inactive again"))
    node.trigger("activate")
    node.publisher.publish(String(data="last"))
    graph.spin_until(lambda: received and received[-1] == "last")
    assert received == ["active", "last"]


def test_other_publishers_of_the_node_are_not_managed(graph) -> None:
    node = Managed(graph)
    publisher = node.create_publisher(String, "plain", 10)
    received: list[str] = []
    graph.node("listener").create_subscription(String, "plain", lambda m: received.append(m.data), 10)
    graph.spin_until(lambda: publisher.get_subscription_count())
    publisher.publish(String(data="unconfigured"))
    graph.spin_until(lambda: received)


def test_a_lifecycle_publisher_can_be_destroyed(graph) -> None:
    node = Managed(graph)
    assert node.destroy_lifecycle_publisher(node.publisher)
    graph.spin_until(lambda: node.count_publishers("out") == 0)
    assert node.trigger("configure", "activate") == SUCCESS


class Plain(LifecycleNode):
    """Leaves all transitions to its entities."""


def test_managed_entities_follow_the_node(graph) -> None:
    node = Plain("managed", context=graph.context)
    first, second = Entity(), SimpleManagedEntity()
    node.add_managed_entity(first)
    node.add_managed_entity(second)
    node.trigger_configure()
    assert (first.told, second.is_activated) == (["unconfigured"], False)
    node.trigger_activate()
    assert second.is_activated
    node.trigger_deactivate()
    assert not second.is_activated


def test_an_entity_that_fails_fails_the_transition(graph) -> None:
    node = Plain("managed", context=graph.context)
    node.add_managed_entity(Entity(FAILURE))
    assert node.trigger_configure() == FAILURE


def test_only_managed_entities_are_taken(graph) -> None:
    node = Plain("managed", context=graph.context)
    with pytest.raises(TypeError):
        node.add_managed_entity("no entity")  # type: ignore[arg-type]


def test_a_node_without_the_interface_has_triggers_only(graph) -> None:
    node = Plain("managed", context=graph.context, enable_communication_interface=False)
    assert node.trigger_configure() == SUCCESS
    assert not [name for name, _ in node.get_service_names_and_types() if name.endswith("/change_state")]
