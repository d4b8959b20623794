"""Nodes with managed states: unconfigured → inactive → active, and back."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from lifecycle_msgs.msg import State as S
from lifecycle_msgs.msg import Transition as T
from lifecycle_msgs.msg import TransitionDescription, TransitionEvent
from lifecycle_msgs.srv import ChangeState, GetAvailableStates, GetAvailableTransitions, GetState

from ..callback_groups import CallbackGroup
from ..exceptions import RCLError
from ..node import Node
from ..qos import QoSProfile
from .managed_entity import ManagedEntity, TransitionCallbackReturn
from .publisher import LifecyclePublisher

__all__ = ["LifecycleNode", "LifecycleNodeMixin", "LifecycleState", "TransitionCallbackReturn"]


class LifecycleState(NamedTuple):
    """A state as the callbacks get it: the one that the transition starts from."""

    label: str
    state_id: int


class _Transition(NamedTuple):
    id: int
    label: str
    start: int
    during: int
    success: int
    failure: int
    callback: str


_LABELS = {
    S.PRIMARY_STATE_UNKNOWN: "unknown",
    S.PRIMARY_STATE_UNCONFIGURED: "unconfigured",
    S.PRIMARY_STATE_INACTIVE: "inactive",
    S.PRIMARY_STATE_ACTIVE: "active",
    S.PRIMARY_STATE_FINALIZED: "finalized",
    S.TRANSITION_STATE_CONFIGURING: "configuring",
    S.TRANSITION_STATE_CLEANINGUP: "cleaningup",
    S.TRANSITION_STATE_SHUTTINGDOWN: "shuttingdown",
    S.TRANSITION_STATE_ACTIVATING: "activating",
    S.TRANSITION_STATE_DEACTIVATING: "deactivating",
    S.TRANSITION_STATE_ERRORPROCESSING: "errorprocessing",
}
_UNCONFIGURED, _INACTIVE = S.PRIMARY_STATE_UNCONFIGURED, S.PRIMARY_STATE_INACTIVE
_ACTIVE, _FINALIZED = S.PRIMARY_STATE_ACTIVE, S.PRIMARY_STATE_FINALIZED
_SHUTTING_DOWN = S.TRANSITION_STATE_SHUTTINGDOWN
_TRANSITIONS = (
    _Transition(
        T.TRANSITION_CONFIGURE, "configure", _UNCONFIGURED, S.TRANSITION_STATE_CONFIGURING,
        _INACTIVE, _UNCONFIGURED, "on_configure",
    ),
    _Transition(
        T.TRANSITION_CLEANUP, "cleanup", _INACTIVE, S.TRANSITION_STATE_CLEANINGUP,
        _UNCONFIGURED, _INACTIVE, "on_cleanup",
    ),
    _Transition(
        T.TRANSITION_ACTIVATE, "activate", _INACTIVE, S.TRANSITION_STATE_ACTIVATING, _ACTIVE, _INACTIVE, "on_activate",
    ),
    _Transition(
        T.TRANSITION_DEACTIVATE, "deactivate", _ACTIVE, S.TRANSITION_STATE_DEACTIVATING,
        _INACTIVE, _ACTIVE, "on_deactivate",
    ),
    _Transition(
        T.TRANSITION_UNCONFIGURED_SHUTDOWN, "shutdown", _UNCONFIGURED, _SHUTTING_DOWN,
        _FINALIZED, _FINALIZED, "on_shutdown",
    ),
    _Transition(
        T.TRANSITION_INACTIVE_SHUTDOWN, "shutdown", _INACTIVE, _SHUTTING_DOWN, _FINALIZED, _FINALIZED, "on_shutdown",
    ),
    _Transition(
        T.TRANSITION_ACTIVE_SHUTDOWN, "shutdown", _ACTIVE, _SHUTTING_DOWN, _FINALIZED, _FINALIZED, "on_shutdown",
    ),
)  # fmt: skip

# The results of callbacks are transitions of their own in the event topic: ids by what the callback did.
_RESULT_IDS = {
    "configure": 10, "cleanup": 20, "activate": 30, "deactivate": 40, "shutdown": 50, "error": 60,
}  # fmt: skip
_RESULT_OFFSETS = {
    TransitionCallbackReturn.SUCCESS: (0, "success"),
    TransitionCallbackReturn.FAILURE: (1, "failure"),
    TransitionCallbackReturn.ERROR: (2, "error"),
}


class LifecycleNodeMixin(ManagedEntity):
    """Adds the states, their services and `~/transition_event` to a `Node`; subclasses override `on_…`."""

    def __init__(
        self, *, enable_communication_interface: bool = True, callback_group: CallbackGroup | None = None
    ) -> None:
        self._state = _UNCONFIGURED
        self._managed_entities: set[ManagedEntity] = set()
        self._callbacks: dict[str, Callable[[LifecycleState], TransitionCallbackReturn]] = {}
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

    def register_on_configure(self, callback: Callable[[LifecycleState], TransitionCallbackReturn]) -> bool:
        return self._register_callback("on_configure", callback)

    def register_on_cleanup(self, callback: Callable[[LifecycleState], TransitionCallbackReturn]) -> bool:
        return self._register_callback("on_cleanup", callback)

    def register_on_shutdown(self, callback: Callable[[LifecycleState], TransitionCallbackReturn]) -> bool:
        return self._register_callback("on_shutdown", callback)

    def register_on_activate(self, callback: Callable[[LifecycleState], TransitionCallbackReturn]) -> bool:
        return self._register_callback("on_activate", callback)

    def register_on_deactivate(self, callback: Callable[[LifecycleState], TransitionCallbackReturn]) -> bool:
        return self._register_callback("on_deactivate", callback)

    def register_on_error(self, callback: Callable[[LifecycleState], TransitionCallbackReturn]) -> bool:
        return self._register_callback("on_error", callback)

    def create_lifecycle_publisher(
        self, msg_type: Any, topic: str, qos_profile: QoSProfile | int, **kwargs: Any
    ) -> LifecyclePublisher:
        node: Any = self
        publisher = node.create_publisher(msg_type, topic, qos_profile, publisher_class=LifecyclePublisher, **kwargs)
        if self._state == _ACTIVE:
            publisher.on_activate(None)
        self._managed_entities.add(publisher)
        return publisher

    def destroy_lifecycle_publisher(self, publisher: LifecyclePublisher) -> bool:
        self._managed_entities.discard(publisher)
        node: Any = self
        return node.destroy_publisher(publisher)

    def _register_callback(self, name: str, callback: Callable[[LifecycleState], TransitionCallbackReturn]) -> bool:
        self._callbacks[name] = callback
        return True

    def _forward(self, name: str, state: LifecycleState) -> TransitionCallbackReturn:
        """Ask the managed entities in turn; the first that does not succeed decides."""
        for entity in self._managed_entities:
            result = getattr(entity, name)(state)
            if result is not TransitionCallbackReturn.SUCCESS:
                return result
        return TransitionCallbackReturn.SUCCESS

    def _trigger(self, label: str) -> TransitionCallbackReturn:
        for transition in _TRANSITIONS:
            if transition.label == label and transition.start == self._state:
                return self._run(transition)
        raise RCLError(f"Transition '{label}' is not possible from state '{_LABELS[self._state]}'")

    def _run(self, transition: _Transition) -> TransitionCallbackReturn:
        start = self._state
        self._enter(transition.during, transition.id, transition.label)
        result = self._call(transition.callback, start)
        goal = {
            TransitionCallbackReturn.SUCCESS: transition.success,
            TransitionCallbackReturn.FAILURE: transition.failure,
            TransitionCallbackReturn.ERROR: S.TRANSITION_STATE_ERRORPROCESSING,
        }[result]
        self._enter_by_result(goal, transition.label, result)
        if result is TransitionCallbackReturn.ERROR:
            # A node that handles its error starts over; one that cannot is finished.
            handled = self._call("on_error", start)
            recovered = handled is TransitionCallbackReturn.SUCCESS
            self._enter_by_result(_UNCONFIGURED if recovered else _FINALIZED, "error", handled)
        return result

    def _call(self, name: str, start: int) -> TransitionCallbackReturn:
        callback = self._callbacks.get(name) or getattr(self, name)
        try:
            result = callback(LifecycleState(label=_LABELS[start], state_id=start))
            return TransitionCallbackReturn(result)
        except Exception:
            node: Any = self
            node.get_logger().error(f"{name} raised:\n{traceback.format_exc()}")
            return TransitionCallbackReturn.ERROR

    def _enter_by_result(self, goal: int, label: str, result: TransitionCallbackReturn) -> None:
        offset, word = _RESULT_OFFSETS[result]
        self._enter(goal, _RESULT_IDS[label] + offset, f"on_{label}_{word}")

    def _enter(self, goal: int, transition_id: int, label: str) -> None:
        start, self._state = self._state, goal
        if self._transition_event is not None:
            node: Any = self
            self._transition_event.publish(
                TransitionEvent(
                    timestamp=node.get_clock().now().nanoseconds,
                    transition=T(id=transition_id, label=label),
                    start_state=_state_message(start),
                    goal_state=_state_message(goal),
                )
            )

    def _on_change_state(self, request: Any, response: Any) -> Any:
        wanted = request.transition
        for transition in _TRANSITIONS:
            named = transition.label == wanted.label if wanted.label else transition.id == wanted.id
            if named and transition.start == self._state:
                response.success = self._run(transition) is TransitionCallbackReturn.SUCCESS
                return response
        node: Any = self
        node.get_logger().warning(
            f"no transition {wanted.label or wanted.id} from state '{_LABELS[self._state]}'; "
            f"possible: {', '.join(t.label for t in _TRANSITIONS if t.start == self._state) or 'none'}"
        )
        response.success = False
        return response

    def _on_get_state(self, request: Any, response: Any) -> Any:
        response.current_state = _state_message(self._state)
        return response

    def _on_get_available_states(self, request: Any, response: Any) -> Any:
        response.available_states = [_state_message(state) for state in _LABELS]
        return response

    def _on_get_available_transitions(self, request: Any, response: Any) -> Any:
        response.available_transitions = [_description(t) for t in _TRANSITIONS if t.start == self._state]
        return response

    def _on_get_transition_graph(self, request: Any, response: Any) -> Any:
        response.available_transitions = [_description(t) for t in _TRANSITIONS]
        return response


def _state_message(state: int) -> S:
    return S(id=state, label=_LABELS[state])


def _description(transition: _Transition) -> TransitionDescription:
    return TransitionDescription(
        transition=T(id=transition.id, label=transition.label),
        start_state=_state_message(transition.start),
        goal_state=_state_message(transition.success),
    )


class LifecycleNode(LifecycleNodeMixin, Node):
    """A node whose work starts and stops by transitions."""

    def __init__(self, node_name: str, *, enable_communication_interface: bool = True, **kwargs: Any) -> None:
        Node.__init__(self, node_name, **kwargs)
        LifecycleNodeMixin.__init__(self, enable_communication_interface=enable_communication_interface)
