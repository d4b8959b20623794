"""The nodes that a bridge works with, called from the simulation's thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.client import Client
from rclpy.node import Node
from sdm_interfaces.srv import StartEpisode
from std_srvs.srv import SetBool, Trigger

from sdm_sim.bridge.errors import BridgeError, Interrupted

_POLL_S = 0.05
_RETRY_S = 0.2


class Peers:
    """Waits are bounded, end on shutdown, and fail with the name of who is missing."""

    def __init__(
        self,
        node: Node,
        starters: tuple[str, ...],
        record: bool,
        startup_timeout_s: float,
        answer_timeout_s: float,
        meanwhile: Callable[[], None],
    ) -> None:
        """`starters`: nodes that take `~/start_episode`; `record`: recorder_node keeps the successful episodes;
        `meanwhile` is done again and again while one of them is not active."""
        self._meanwhile = meanwhile
        self._ok = node.context.ok
        self._startup_timeout_s = startup_timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._starters = [node.create_client(StartEpisode, f"{name}/start_episode") for name in starters]
        self._recorder = {
            verb: node.create_client(kind, f"recorder_node/{verb}")
            for verb, kind in (("start", Trigger), ("label", SetBool), ("discard", Trigger))
            if record
        }

    def await_all(self, unheard: Callable[[], list[str]]) -> None:
        """Waits until every service is there, every starter is active, and `unheard` lists no sensor topic any more."""
        timeout_s = self._startup_timeout_s
        deadline = time.monotonic() + timeout_s
        for client in (*self._starters, *self._recorder.values()):
            while not client.service_is_ready() and time.monotonic() < deadline:
                self._meanwhile()
                self._wait(client.service_is_ready, min(deadline, time.monotonic() + _RETRY_S))
            if not client.service_is_ready():
                raise BridgeError(
                    f"{_owner(client)} is missing: no service {client.srv_name} within {timeout_s:g} s; "
                    "start it, with the same ROS_DOMAIN_ID"
                )
        self._await_start(0, deadline, timeout_s, lambda: False)
        self._await_listeners(unheard, deadline)

    def start_episode(self, seed: int, unheard: Callable[[], list[str]], given_up: Callable[[], bool]) -> bool:
        """Resets and seeds the policy, and the command node where there is one, once they are active and listen; False
        where that was given up before."""
        deadline = time.monotonic() + self._startup_timeout_s
        if not self._await_start(seed, deadline, self._answer_timeout_s, given_up):
            return False
        self._await_listeners(unheard, deadline)  # who has just become active is heard of at once, and hears later
        return True

    def start_recording(self) -> None:
        """Begins an episode's recording, where recording was asked for."""
        if self._recorder:
            self._tell_recorder("start", Trigger.Request())

    def end_recording(self, keep: bool) -> None:
        """Stores the recorded episode, as a success, or forgets it."""
        if self._recorder and keep:
            self._tell_recorder("label", SetBool.Request(data=True))
        elif self._recorder:
            self._tell_recorder("discard", Trigger.Request())

    def _tell_recorder(self, verb: str, request: Any) -> None:
        client = self._recorder[verb]
        response = self._call(client, request, time.monotonic() + self._answer_timeout_s)
        if response is None:
            raise BridgeError(f"recorder_node went away while it was asked to {verb} the episode")
        if not response.success:
            raise BridgeError(f"recorder_node did not {verb} the episode: {response.message}")

    def _await_start(self, seed: int, deadline: float, answer_timeout_s: float, given_up: Callable[[], bool]) -> bool:
        """Asks again while someone refuses to start an episode, or is inactive and has no such service."""
        refusal = self._refusal(seed, answer_timeout_s)
        while refusal and not given_up() and time.monotonic() < deadline:
            self._meanwhile()
            self._wait(given_up, min(deadline, time.monotonic() + _RETRY_S))
            refusal = self._refusal(seed, answer_timeout_s)
        if refusal and not given_up():
            raise BridgeError(f"{refusal}, for {self._startup_timeout_s:g} s")
        return not refusal

    def _await_listeners(self, unheard: Callable[[], list[str]], deadline: float) -> None:
        self._wait(lambda: not unheard(), deadline)
        if unheard():
            raise BridgeError(
                f"after {self._startup_timeout_s:g} s not every node listens to {', '.join(unheard())}; "
                "check remappings, and reliable_sensors (true in lockstep, false in realtime)"
            )

    def _refusal(self, seed: int, answer_timeout_s: float) -> str:
        """Starts an episode everywhere; why the first node that did not, did not."""
        for client in self._starters:
            response = None
            if client.service_is_ready():
                response = self._call(client, StartEpisode.Request(seed=seed), time.monotonic() + answer_timeout_s)
            if response is None:
                return f"{_owner(client)} is inactive: no service {client.srv_name}"
            if not response.success:
                return f"{_owner(client)} starts no episode: {response.message}"
        return ""

    def _call(self, client: Client, request: Any, deadline: float) -> Any:
        """The response; None where the service went away before it gave one."""
        future = client.call_async(request)
        self._wait(lambda: future.done() or not client.service_is_ready(), deadline)
        if future.done():
            return future.result()
        client.remove_pending_request(future)
        if client.service_is_ready():
            raise BridgeError(f"{_owner(client)} does not answer on {client.srv_name}; is it alive?")
        return None

    def _wait(self, done: Callable[[], bool], deadline: float) -> None:
        pause = 0.0005  # an answer usually comes within a millisecond
        while not done() and time.monotonic() < deadline:
            if not self._ok():
                raise Interrupted
            time.sleep(pause)
            pause = min(2 * pause, _POLL_S)


def _owner(client: Client) -> str:
    return client.srv_name.rsplit("/", 2)[-2]
