"""Another node's parameters, read and changed through its services."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)

from ._polling import wait_until
from .callback_groups import CallbackGroup
from .client import Client
from .node import Node
from .parameter import Parameter, parameter_dict_from_yaml_file
from .qos import QoSProfile, qos_profile_parameter_events, qos_profile_services_default
from .subscription import Subscription
from .task import Future

OnResponse = Callable[[Future], Any]


class AsyncParameterClient:
    """The parameters of the node `remote_node_name`. Every call gives a future of the service's response.

    A `callback` is told the future once the response is there.
    """

    def __init__(
        self,
        node: Node,
        remote_node_name: str,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> None:
        self.node = node
        self.remote_node_name = remote_node_name

        def client(kind: Any, name: str) -> Client:
            return node.create_client(
                kind, f"{remote_node_name}/{name}", qos_profile=qos_profile, callback_group=callback_group
            )

        self._describe = client(DescribeParameters, "describe_parameters")
        self._get = client(GetParameters, "get_parameters")
        self._get_types = client(GetParameterTypes, "get_parameter_types")
        self._list = client(ListParameters, "list_parameters")
        self._set = client(SetParameters, "set_parameters")
        self._set_atomically = client(SetParametersAtomically, "set_parameters_atomically")
        self._clients = (
            self._describe, self._get, self._get_types, self._list, self._set, self._set_atomically,
        )  # fmt: skip

    def services_are_ready(self) -> bool:
        return all(client.service_is_ready() for client in self._clients)

    def wait_for_services(self, timeout_sec: float | None = None) -> bool:
        """Wait until all six services are there; False when the time-out or the context's end comes first."""
        return wait_until(self.services_are_ready, self.node.context, timeout_sec)

    def list_parameters(
        self, prefixes: list[str] | None = None, depth: int | None = None, callback: OnResponse | None = None
    ) -> Future:
        """Names under the prefixes (all without any), at most `depth` levels below them."""
        return _call(self._list, ListParameters.Request(prefixes=prefixes or [], depth=depth or 0), callback)

    def get_parameters(self, names: list[str], callback: OnResponse | None = None) -> Future:
        return _call(self._get, GetParameters.Request(names=names), callback)

    def get_parameter_types(self, names: list[str], callback: OnResponse | None = None) -> Future:
        return _call(self._get_types, GetParameterTypes.Request(names=names), callback)

    def describe_parameters(self, names: list[str], callback: OnResponse | None = None) -> Future:
        return _call(self._describe, DescribeParameters.Request(names=names), callback)

    def set_parameters(
        self, parameters: Sequence[Parameter | ParameterMessage], callback: OnResponse | None = None
    ) -> Future:
        """Set one by one; the response has a result for each."""
        return _call(self._set, SetParameters.Request(parameters=_messages(parameters)), callback)

    def set_parameters_atomically(
        self, parameters: Sequence[Parameter | ParameterMessage], callback: OnResponse | None = None
    ) -> Future:
        """Set all or none; the response has one result."""
        request = SetParametersAtomically.Request(parameters=_messages(parameters))
        return _call(self._set_atomically, request, callback)

    def delete_parameters(self, names: list[str], callback: OnResponse | None = None) -> Future:
        """Undeclare parameters; only those of a dynamic type can be."""
        return self.set_parameters([Parameter(name) for name in names], callback)

    def load_parameter_file(
        self, parameter_file: str, use_wildcard: bool = False, callback: OnResponse | None = None
    ) -> Future:
        """Set what a file has for its nodes; with `use_wildcard` also what it has for all."""
        return self.set_parameters(list(parameter_dict_from_yaml_file(parameter_file, use_wildcard).values()), callback)

    def load_parameter_file_atomically(
        self, parameter_file: str, use_wildcard: bool = False, callback: OnResponse | None = None
    ) -> Future:
        loaded = parameter_dict_from_yaml_file(parameter_file, use_wildcard)
        return self.set_parameters_atomically(list(loaded.values()), callback)

    def on_parameter_event(
        self,
        callback: Callable[[ParameterEvent], Any],
        qos_profile: QoSProfile = qos_profile_parameter_events,
        **options: Any,
    ) -> Subscription:
        """Call `callback` with every node's parameter events; `options` are `Node.create_subscription`'s."""
        return self.node.create_subscription(ParameterEvent, "/parameter_events", callback, qos_profile, **options)


def _call(client: Client, request: Any, callback: OnResponse | None) -> Future:
    future = client.call_async(request)
    if callback is not None:
        future.add_done_callback(callback)
    return future


def _messages(parameters: Sequence[Parameter | ParameterMessage]) -> list[ParameterMessage]:
    return [each.to_parameter_msg() if isinstance(each, Parameter) else each for each in parameters]
