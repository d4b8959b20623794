"""Callbacks for single parameters of any node, fed by `/parameter_events`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterEvent

from .callback_groups import CallbackGroup
from .node import Node
from .qos import QoSProfile, qos_profile_parameter_events


@dataclass(eq=False)
class ParameterCallbackHandle:
    """What `add_parameter_callback` gives, to remove the callback by."""

    parameter_name: str
    node_name: str
    callback: Callable[[ParameterMessage], Any]


@dataclass(eq=False)
class ParameterEventCallbackHandle:
    """What `add_parameter_event_callback` gives, to remove the callback by."""

    callback: Callable[[ParameterEvent], Any]


class ParameterEventHandler:
    """Tells of the new values of parameters. Of callbacks for the same parameter the last added comes first."""

    def __init__(
        self,
        node: Node,
        qos_profile: QoSProfile = qos_profile_parameter_events,
        callback_group: CallbackGroup | None = None,
        **options: Any,
    ) -> None:
        self.node = node
        self.qos_profile = qos_profile
        self._lock = threading.Lock()
        self._parameter_callbacks: list[ParameterCallbackHandle] = []
        self._event_callbacks: list[ParameterEventCallbackHandle] = []
        self.parameter_event_subscription = node.create_subscription(
            ParameterEvent, "/parameter_events", self._on_event, qos_profile, callback_group=callback_group, **options
        )

    def destroy(self) -> None:
        self.node.destroy_subscription(self.parameter_event_subscription)

    @staticmethod
    def get_parameter_from_event(event: ParameterEvent, parameter_name: str, node_name: str) -> ParameterMessage | None:
        """The parameter as the event has it; None where it is another node's or does not name it."""
        if event.node != node_name:
            return None
        found = ParameterEventHandler.get_parameters_from_event(event)
        return next((parameter for parameter in found if parameter.name == parameter_name), None)

    @staticmethod
    def get_parameters_from_event(event: ParameterEvent) -> Iterator[ParameterMessage]:
        """All that the event says is new or changed."""
        yield from event.new_parameters
        yield from event.changed_parameters

    def add_parameter_callback(
        self, parameter_name: str, node_name: str, callback: Callable[[ParameterMessage], Any]
    ) -> ParameterCallbackHandle:
        """Call `callback` with the parameter's message; a relative node name counts from the node's namespace."""
        handle = ParameterCallbackHandle(parameter_name, self._full_name(node_name), callback)
        with self._lock:
            self._parameter_callbacks.insert(0, handle)
        return handle

    def remove_parameter_callback(self, handle: ParameterCallbackHandle) -> None:
        self._remove(self._parameter_callbacks, handle)

    def add_parameter_event_callback(self, callback: Callable[[ParameterEvent], Any]) -> ParameterEventCallbackHandle:
        """Call `callback` with every event."""
        handle = ParameterEventCallbackHandle(callback)
        with self._lock:
            self._event_callbacks.insert(0, handle)
        return handle

    def remove_parameter_event_callback(self, handle: ParameterEventCallbackHandle) -> None:
        self._remove(self._event_callbacks, handle)

    def _remove(self, handles: list[Any], handle: Any) -> None:
        with self._lock:
            if handle not in handles:
                raise RuntimeError("Callback doesn't exist")
            handles.remove(handle)

    def _full_name(self, node_name: str) -> str:
        if not node_name:
            return self.node.get_fully_qualified_name()
        return node_name if node_name.startswith("/") else f"{self.node.get_namespace().rstrip('/')}/{node_name}"

    def _on_event(self, event: ParameterEvent) -> None:
        with self._lock:  # not while the callbacks run: they may wait for other threads
            parameter_callbacks, event_callbacks = list(self._parameter_callbacks), list(self._event_callbacks)
        for handle in parameter_callbacks:
            found = self.get_parameter_from_event(event, handle.parameter_name, handle.node_name)
            if found is not None:
                handle.callback(found)
        for event_handle in event_callbacks:
            event_handle.callback(event)
