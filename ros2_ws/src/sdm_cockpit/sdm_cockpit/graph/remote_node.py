"""Another node's parameters and lifecycle, changed through its services."""

from __future__ import annotations

from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.parameter import Parameter

from sdm_cockpit.graph.service_calls import RequestRefused, ServiceCalls

# A network is loaded, or a moving robot is brought to rest, in so long (s).
_TRANSITION_S = 60.0
# The way down from each state to where a checkpoint may be set.
_DOWN = {
    "active": (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP),
    "inactive": (Transition.TRANSITION_CLEANUP,),
    "unconfigured": (),
}
_WORDS = {
    Transition.TRANSITION_DEACTIVATE: "deactivate",
    Transition.TRANSITION_CLEANUP: "clean up",
    Transition.TRANSITION_CONFIGURE: "configure",
    Transition.TRANSITION_ACTIVATE: "activate",
}


class RemoteNode:
    """Every method waits for the node's answers, and raises RequestRefused where the node refuses or is not there."""

    def __init__(self, calls: ServiceCalls, name: str, lifecycle: bool = True) -> None:
        self.name = name
        self._calls = calls
        calls.offer(SetParametersAtomically, self._set)
        if lifecycle:
            calls.offer(GetState, self._get_state)
            calls.offer(ChangeState, self._change_state)

    @property
    def there(self) -> bool:
        """Whether it takes parameters."""
        return self._calls.ready(self._set)

    def set(self, **values: Any) -> None:
        """Sets parameters, all or none."""
        parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        result = self._calls.call(self._set, SetParametersAtomically.Request(parameters=parameters)).result
        if not result.successful:
            raise RequestRefused(f"{self.name}: {result.reason or f'{next(iter(values))} cannot be set now'}")

    def take_down(self) -> None:
        """From whatever state it is in to `unconfigured`."""
        state = self._calls.call(self._get_state, GetState.Request()).current_state.label
        if state not in _DOWN:
            raise RequestRefused(f"{self.name} is {state}; ask again when that is over")
        for transition in _DOWN[state]:
            self._follow(transition)

    def bring_up(self) -> None:
        """From `unconfigured` to `active`."""
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            self._follow(transition)

    def _follow(self, transition: int) -> None:
        request = ChangeState.Request(transition=Transition(id=transition))
        if not self._calls.call(self._change_state, request, _TRANSITION_S).success:
            raise RequestRefused(f"{self.name} does not {_WORDS[transition]}; its log says why")

    @property
    def _set(self) -> str:
        return f"{self.name}/set_parameters_atomically"

    @property
    def _get_state(self) -> str:
        return f"{self.name}/get_state"

    @property
    def _change_state(self) -> str:
        return f"{self.name}/change_state"
