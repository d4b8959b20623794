"""A world that an operator drives: it runs in real time, and begins anew when he asks for it."""

from __future__ import annotations

import threading

from rclpy.node import Node
from std_srvs.srv import Trigger

from sdm_sim.bridge.command_inbox import CommandInbox
from sdm_sim.bridge.controls import Controls
from sdm_sim.bridge.means import Means
from sdm_sim.bridge.real_time import RealTime

# Simulated time of one scene must not reach that of the next.
_LONGEST_S = 900.0


class SceneRequests:
    """The service `~/new_scene`. Its answer comes before the scene, which shows in the jump of simulated time, and
    which a world that stands still would not come to."""

    def __init__(self, node: Node, controls: Controls) -> None:
        self._controls = controls
        self._asked = threading.Event()
        node.create_service(Trigger, "~/new_scene", self._on_request)

    def asked(self) -> bool:
        """Whether a new scene was asked for since `begin`."""
        return self._asked.is_set()

    def begin(self) -> None:
        """A scene begins."""
        self._asked.clear()

    def _on_request(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._controls.paused:
            response.success, response.message = False, "time stands still; let it go on first"
            return response
        self._asked.set()
        response.success, response.message = True, "a new scene is set"
        return response


class Operated(RealTime):
    """Neither success nor the task's step limit ends a scene: people are slower than experts, and look at what they
    did. After a quarter of an hour a new one begins by itself."""

    def __init__(self, requests: SceneRequests, means: Means, inbox: CommandInbox, parts: int) -> None:
        super().__init__(means, inbox, parts)
        self._requests = requests

    def _begin(self) -> None:
        self._requests.begin()

    def _is_over(self, step: int) -> bool:
        over = self._requests.asked() or self._means.controls.abandoned
        return over or step * self._means.task.contract.dt > _LONGEST_S
