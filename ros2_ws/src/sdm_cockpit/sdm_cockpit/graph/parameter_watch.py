"""Some of another node's parameters, as they are now."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import GetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_parameter_events
from rclpy.task import Future


class ParameterWatch:
    """Asks once, and then listens to changes. `values` by name holds those that the node has."""

    def __init__(self, node: Node, name: str, wanted: tuple[str, ...]) -> None:
        self.values: dict[str, Any] = {}
        self._name = node.resolve_topic_name(name)
        self._wanted = wanted
        self._asked = False
        self._client = node.create_client(GetParameters, f"{name}/get_parameters")
        node.create_subscription(ParameterEvent, "/parameter_events", self._on_event, qos_profile_parameter_events)

    def ask(self) -> None:
        """Asks for all, unless that is done already and `forget` was not called since."""
        if not self._asked and self._client.service_is_ready():
            self._asked = True
            self._client.call_async(GetParameters.Request(names=list(self._wanted))).add_done_callback(self._on_answer)

    def forget(self) -> None:
        """The node is gone, or another."""
        self._asked = False

    def _on_answer(self, answer: Future) -> None:
        response = answer.result()
        for name, value in zip(self._wanted, response.values, strict=False) if response else ():
            self._take(ParameterMessage(name=name, value=value))

    def _on_event(self, event: ParameterEvent) -> None:
        if event.node == self._name:
            for parameter in (*event.new_parameters, *event.changed_parameters):
                if parameter.name in self._wanted:
                    self._take(parameter)

    def _take(self, message: ParameterMessage) -> None:
        self.values[message.name] = Parameter.from_parameter_msg(message).value
