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
        answer_timeout_s: float,
        return_timeout_s: float,
        meanwhile: Callable[[], None],
    ) -> None:
        """`starters`: nodes that take `~/start_episode`; `record`: recorder_node keeps the successful episodes.

        Between episodes a node may be inactive for `return_timeout_s`; as long as one is, `meanwhile` is done.
        """
        self._meanwhile = meanwhile
        self._ok = node.context.ok
        self._return_timeout_s = return_timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._starters = [node.create_client(StartEpisode, f"{name}/start_episode") for name in starters]
        self._recorder = {
            verb: node.create_client(kind, f"recorder_node/{verb}")
            for verb, kind in (("start", Trigger), ("label", SetBool), ("discard", Trigger))
            if record
        }

    def await_all(self, unheard: Callable[[], list[str]], timeout_s: float) -> None:
        """Waits until every service is there, every starter is active, and `unheard` lists no sensor topic any more."""
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
        self._await_start(0, timeout_s, lambda: False)
        self._await_listeners(unheard, timeout_s)

    def start_episode(self, seed: int, unheard: Callable[[], list[str]], given_up: Callable[[], bool]) -> bool:
        """Resets and seeds the policy, and the command node where there is one, once they are active and listen; False
        where that was given up before."""
        if not self._await_start(seed, self._return_timeout_s, given_up):
            return False
        self._await_listeners(unheard, self._return_timeout_s)  # who has just become active may not have been heard of
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
            raise BridgeError(f"recorder_node gave no answer when it was asked to {verb} the episode; is it alive?")
        if not response.success:
            raise BridgeError(f"recorder_node did not {verb} the episode: {response.message}")

    def _await_start(self, seed: int, timeout_s: float, given_up: Callable[[], bool]) -> bool:
        """Asks again while someone refuses to start an episode, or is inactive and has no such service."""
        deadline = time.monotonic() + timeout_s
        refusal = self._refusal(seed)
        while refusal and not given_up() and time.monotonic() < deadline:
            self._meanwhile()
            self._wait(given_up, min(deadline, time.monotonic() + _RETRY_S))
            refusal = self._refusal(seed)
        if refusal and not given_up():
            raise BridgeError(f"{refusal}, for {timeout_s:g} s")
        return not refusal

    def _await_listeners(self, unheard: Callable[[], list[str]], timeout_s: float) -> None:
        self._wait(lambda: not unheard(), time.monotonic() + timeout_s)
        if unheard():
            raise BridgeError(
                f"after {timeout_s:g} s not every node listens to {', '.join(unheard())}; check remappings"
            )

    def _refusal(self, seed: int) -> str:
        """Starts an episode everywhere; why the first node that did not, did not."""
        for client in self._starters:
            if not client.service_is_ready():
                return f"{_owner(client)} is inactive: no service {client.srv_name}"
            request = StartEpisode.Request(seed=seed)
            response = self._call(client, request, time.monotonic() + self._answer_timeout_s)
            if response is None:
                return f"{_owner(client)} gave no answer on {client.srv_name}"
            if not response.success:
                return f"{_owner(client)} starts no episode: {response.message}"
        return ""

    def _call(self, client: Client, request: Any, deadline: float) -> Any:
        """The response; None where none came, from a node that went away, or died and has a successor already."""
        future = client.call_async(request)
        self._wait(lambda: future.done() or not client.service_is_ready(), deadline)
        if future.done():
            return future.result()
        client.remove_pending_request(future)
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
