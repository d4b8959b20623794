"""Nodes with managed states: unconfigured → inactive → active, and back."""

from __future__ import annotations

import traceback
from typing import Any, NamedTuple

from lifecycle_msgs.msg import State as S
from lifecycle_msgs.msg import Transition as T
from lifecycle_msgs.msg import TransitionDescription, TransitionEvent
from lifecycle_msgs.srv import ChangeState, GetAvailableStates, GetAvailableTransitions, GetState

from ..callback_groups import CallbackGroup
from ..exceptions import RCLError
from ..node import Node
from ..qos import QoSProfile
from ._state_machine import CALLBACKS, LABELS, TRANSITIONS, Transition, transitions_from
from .managed_entity import ManagedEntity, TransitionCallbackReturn
from .publisher import LifecyclePublisher

__all__ = ["LifecycleNode", "LifecycleNodeMixin", "LifecycleState", "TransitionCallbackReturn"]


class LifecycleState(NamedTuple):
    """A state as the callbacks get it: the one that the transition starts from."""

    label: str
    state_id: int


class LifecycleNodeMixin(ManagedEntity):
    """Adds the states, their services and `~/transition_event` to a `Node`; subclasses override `on_…`."""

    _logger: Any  # both of Node
    _clock: Any

    def __init__(
        self, *, enable_communication_interface: bool = True, callback_group: CallbackGroup | None = None
    ) -> None:
        self._state = S.PRIMARY_STATE_UNCONFIGURED
        self._managed_entities: set[ManagedEntity] = set()
        self._transition_event: Any = None
        if enable_communication_interface:
            node: Any = self
            self._transition_event = node.create_publisher(TransitionEvent, "~/transition_event", 10)
            for kind, name, callback in (
                (ChangeState, "change_state", self._on_change_state),
                (GetState, "get_state", self._on_get_state),
                (GetAvailableStates, "get_available_states", self._on_get_available_states),
                (GetAvailableTransitions, "get_available_transitions", self._on_get_available_transitions),
                (GetAvailableTransitions, "get_transition_graph", self._on_get_transition_graph),
            ):
                node.create_service(kind, f"~/{name}", callback, callback_group=callback_group)

    def trigger_configure(self) -> TransitionCallbackReturn:
        return self._trigger("configure")

    def trigger_cleanup(self) -> TransitionCallbackReturn:
        return self._trigger("cleanup")

    def trigger_activate(self) -> TransitionCallbackReturn:
        return self._trigger("activate")

    def trigger_deactivate(self) -> TransitionCallbackReturn:
        return self._trigger("deactivate")

    def trigger_shutdown(self) -> TransitionCallbackReturn:
        return self._trigger("shutdown")

    def add_managed_entity(self, entity: ManagedEntity) -> None:
        """Let an entity follow the node's transitions from now on."""
        if not isinstance(entity, ManagedEntity):
            raise TypeError("Expected a rclpy.lifecycle.ManagedEntity instance.")
        self._managed_entities.add(entity)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._forward("on_configure", state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._forward("on_cleanup", state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._forward("on_shutdown", state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._forward("on_activate", state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._forward("on_deactivate", state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._forward("on_error", state)

    def create_lifecycle_publisher(
        self, msg_type: Any, topic: str, qos_profile: QoSProfile | int, **kwargs: Any
    ) -> LifecyclePublisher:
        node: Any = self
        publisher = node.create_publisher(msg_type, topic, qos_profile, publisher_class=LifecyclePublisher, **kwargs)
        self._managed_entities.add(publisher)
        return publisher

    def destroy_lifecycle_publisher(self, publisher: LifecyclePublisher) -> bool:
        self._managed_entities.discard(publisher)
        node: Any = self
        return node.destroy_publisher(publisher)

    def _forward(self, name: str, state: LifecycleState) -> TransitionCallbackReturn:
        """Ask the managed entities in turn; the first that does not succeed decides."""
        for entity in self._managed_entities:
            result = getattr(entity, name)(state)
            if result is not TransitionCallbackReturn.SUCCESS:
                return result
        return TransitionCallbackReturn.SUCCESS

    def _trigger(self, label: str) -> TransitionCallbackReturn:
        transition = self._possible(label)
        if transition is None:
            raise RCLError(f"Transition '{label}' is not possible from state '{LABELS[self._state]}'")
        return self._run(transition)

    def _possible(self, wanted: str | int) -> Transition | None:
        """The transition of that label or id, if the state has it."""
        return next((t for t in transitions_from(self._state) if wanted in (t.label, t.id)), None)

    def _run(self, transition: Transition) -> TransitionCallbackReturn:
        start = LifecycleState(LABELS[self._state], self._state)
        self._follow(transition)
        outcome = self._call_back(start)
        if outcome is TransitionCallbackReturn.ERROR:
            self._call_back(start)  # now on_error: whether the node can start over
        return outcome

    def _call_back(self, start: LifecycleState) -> TransitionCallbackReturn:
        """Run the callback of the state, and leave the state by its outcome."""
        name = CALLBACKS[self._state]
        try:
            outcome = TransitionCallbackReturn(getattr(self, name)(start))
        except Exception:
            self._logger.error(f"{name} raised:\n{traceback.format_exc()}")
            outcome = TransitionCallbackReturn.ERROR
        leaving = self._possible(f"transition_{outcome.name.lower()}")
        assert leaving is not None
        self._follow(leaving)
        return outcome

    def _follow(self, transition: Transition) -> None:
        self._state = transition.goal
        if self._transition_event is not None:
            event: Any = TransitionEvent(
                transition=T(id=transition.id, label=transition.label),
                start_state=_state_message(transition.start),
                goal_state=_state_message(transition.goal),
            )
            if hasattr(event, "stamp"):  # since Lyrical
                event.stamp = self._clock.now().to_msg()
            else:
                event.timestamp = self._clock.now().nanoseconds
            self._transition_event.publish(event)

    def _on_change_state(self, request: Any, response: Any) -> Any:
        wanted = request.transition.label or request.transition.id
        transition = self._possible(wanted)
        if transition is None:
            possible = ", ".join(t.label for t in transitions_from(self._state)) or "none"
            self._logger.warning(f"no transition {wanted} from state '{LABELS[self._state]}'; possible: {possible}")
        response.success = transition is not None and self._run(transition) is TransitionCallbackReturn.SUCCESS
        return response

    def _on_get_state(self, request: Any, response: Any) -> Any:
        response.current_state = _state_message(self._state)
        return response

    def _on_get_available_states(self, request: Any, response: Any) -> Any:
        response.available_states = [_state_message(state) for state in LABELS]
        return response

    def _on_get_available_transitions(self, request: Any, response: Any) -> Any:
        response.available_transitions = [_description(t) for t in transitions_from(self._state)]
        return response

    def _on_get_transition_graph(self, request: Any, response: Any) -> Any:
        response.available_transitions = [_description(t) for t in TRANSITIONS]
        return response


def _state_message(state: int) -> S:
    return S(id=state, label=LABELS[state])


def _description(transition: Transition) -> TransitionDescription:
    return TransitionDescription(
        transition=T(id=transition.id, label=transition.label),
        start_state=_state_message(transition.start),
        goal_state=_state_message(transition.goal),
    )


class LifecycleNode(LifecycleNodeMixin, Node):
    """A node whose work starts and stops by transitions."""

    def __init__(self, node_name: str, *, enable_communication_interface: bool = True, **kwargs: Any) -> None:
        Node.__init__(self, node_name, **kwargs)
        LifecycleNodeMixin.__init__(self, enable_communication_interface=enable_communication_interface)
