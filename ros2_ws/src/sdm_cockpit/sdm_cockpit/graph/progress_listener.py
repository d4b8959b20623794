"""Where a simulated run stands, from bridge_node, and whether recorder_node records."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sdm_interfaces.msg import EpisodeEvent
from std_msgs.msg import String

from sdm_cockpit.graph.problems import Problems
from sdm_cockpit.snapshot import Episode

_RECORDING = {EpisodeEvent.START: True, EpisodeEvent.KEEP: False, EpisodeEvent.DISCARD: False}


class ProgressListener:
    """`episode` of the simulator, None where none runs; `recording` of the recorder."""

    def __init__(self, node: Node, problems: Problems, simulator_spoke: Callable[[], None] = lambda: None) -> None:
        self.episode: Episode | None = None
        self.recording = False
        self.settings: dict[str, Any] = {}
        """All that bridge_node tells of its run, by name."""
        self._problems = problems
        self._spoke = simulator_spoke
        self._node = node
        latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        node.create_subscription(String, "bridge_node/progress", self._on_progress, 1)
        self._events = node.create_subscription(EpisodeEvent, "recorder_node/episode_event", self._on_event, latched)

    def poll(self) -> None:
        """To be called some times a second: a recorder that has died records no more, and says so to nobody."""
        if self.recording and not self._node.count_publishers(self._events.topic_name):
            self.recording = False

    def _on_progress(self, message: String) -> None:
        with self._problems.of("progress"):
            told = json.loads(message.data)
            number = int(told["episode"])
            self.episode = Episode(
                task=str(told.get("task", "")),
                number=number,
                of=int(told["of"]),
                seed=int(told["seed"]),
                step=int(told["step"]),
                finished=int(told.get("finished", max(number - 1, 0))),
                successes=int(told["successes"]),
                mode=str(told.get("mode", "")),
                real_time_factor=float(told.get("real_time_factor", 1.0)),
                latency_ms=float(told.get("latency_ms", 0.0)),
            )
            self.settings = told
            self._spoke()

    def _on_event(self, message: EpisodeEvent) -> None:
        self.recording = _RECORDING.get(message.event, self.recording)
