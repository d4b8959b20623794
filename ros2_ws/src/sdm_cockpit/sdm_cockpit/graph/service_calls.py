"""Calls of services that somebody waits for on a thread of his own, and that always end."""

from __future__ import annotations

import threading
from typing import Any

from rclpy.client import Client
from rclpy.node import Node

ANSWER_S = 1.0


class RequestRefused(Exception):
    """A request that was not granted; its text is the line about it."""


class Unanswered(RequestRefused):
    """A request that nobody has granted in time, nor refused."""


class ServiceCalls:
    """The node's executor spins on another thread. Clients are made once, so that their services are known in time."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._clients: dict[str, Client] = {}

    def offer(self, kind: type, *names: str) -> None:
        """Prepares to call services of this type."""
        for name in names:
            self._clients[name] = self._node.create_client(kind, name)

    def ready(self, name: str) -> bool:
        """Whether somebody serves it."""
        return self._clients[name].service_is_ready()

    def send(self, name: str, request: Any) -> Call:
        """Sends a request at once. Raises RequestRefused where nobody serves it."""
        client, owner = self._clients[name], owner_of(name)
        if not client.service_is_ready():
            lacks = "active" if owner in self._node.get_node_names() else "running"
            raise RequestRefused(f"{owner} offers no ~/{name.removeprefix(owner + '/')} now; it is not {lacks}")
        return Call(client, request, owner)

    def call(self, name: str, request: Any, timeout_s: float = ANSWER_S) -> Any:
        """The response, awaited for `timeout_s` seconds. Raises Unanswered where none comes in time."""
        return self.send(name, request).response(timeout_s)


class Call:
    """A request that is under way."""

    def __init__(self, client: Client, request: Any, owner: str) -> None:
        self._client = client
        self._owner = owner
        self._answered = threading.Event()
        self._future = client.call_async(request)
        self._future.add_done_callback(lambda _: self._answered.set())

    def response(self, timeout_s: float = ANSWER_S) -> Any:
        """Waits for it, `timeout_s` seconds at most. Raises Unanswered where it does not come in time."""
        if not self._answered.wait(timeout_s):
            self._client.remove_pending_request(self._future)
            raise Unanswered(f"{self._owner}: sent, but no answer within {timeout_s:g} s; it may still be carried out")
        return self._future.result()


def owner_of(service: str) -> str:
    """The node behind a service's name."""
    return service.partition("/")[0]
