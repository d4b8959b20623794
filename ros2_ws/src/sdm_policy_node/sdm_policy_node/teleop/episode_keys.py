"""The operator's keys as calls of recorder_node, and of the simulated world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.client import Client
from rclpy.node import Node
from std_srvs.srv import SetBool, Trigger

from sdm_policy_node.teleop.operator_input import Key


class EpisodeKeys:
    """Calls at once and says what came of it; an episode begins in a new scene, where the world can make one."""

    def __init__(self, node: Node, say: Callable[[str], None]) -> None:
        self._say = say
        self._start = node.create_client(Trigger, "recorder_node/start")
        self._label = node.create_client(SetBool, "recorder_node/label")
        self._discard = node.create_client(Trigger, "recorder_node/discard")
        self._new_scene = node.create_client(Trigger, "bridge_node/new_scene")

    def new_scene(self, stands: Callable[[], None]) -> bool:
        """Asks the simulated world for a new scene, and calls `stands` when it has been promised; False where the world
        is no simulated one."""
        if not self._new_scene.service_is_ready():
            return False
        self._call(self._new_scene, Trigger.Request(), stands)
        return True

    def start(self) -> None:
        """Begins to record."""
        self._call(self._start, Trigger.Request())

    def end(self, key: Key) -> None:
        """Keeps or discards what is being recorded."""
        if key == Key.DISCARD:
            self._call(self._discard, Trigger.Request())
        else:
            self._call(self._label, SetBool.Request(data=key == Key.SUCCESS))

    def _call(self, client: Client, request: Any, done: Callable[[], None] | None = None) -> None:
        if not client.service_is_ready():
            self._say(f"nobody serves {client.srv_name}; start recorder_node, as record.launch.py does")
            return

        def answered(future: Any) -> None:
            response = future.result()
            self._say(response.message if response.success else f"refused: {response.message}")
            if response.success and done:
                done()

        client.call_async(request).add_done_callback(answered)
