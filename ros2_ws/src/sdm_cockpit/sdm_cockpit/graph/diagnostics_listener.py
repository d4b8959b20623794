"""What command_node says of itself on `/diagnostics`."""

from __future__ import annotations

import time
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

from sdm_cockpit.graph.problems import Problems

# command_node reports at least twice a second; what it said so long ago is not so any more (s).
_LASTS_S = 3.0
_TASK = "command_node: "


class DiagnosticsListener:
    """`spoke` is called whenever command_node has said something."""

    def __init__(
        self,
        node: Node,
        problems: Problems,
        spoke: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._problems = problems
        self._spoke = spoke
        self._now = now
        self._said: tuple[float, DiagnosticStatus] | None = None
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    @property
    def activity(self) -> str:
        """command_node's word for what it does; empty where it says nothing."""
        return self._values().get("activity", "")

    @property
    def fault(self) -> str:
        """Its latched fault; empty where there is none."""
        return self._values().get("latched fault", "")

    @property
    def dry_run(self) -> bool:
        """Whether its commands reach no robot."""
        return self._values().get("dry run", "") == "True"

    @property
    def rate_hz(self) -> float | None:
        """Its commands a second, where it says so."""
        try:
            return float(self._values()["rate (Hz)"])
        except (KeyError, ValueError):
            return None

    def _values(self) -> dict[str, str]:
        said = self._said
        if said is None or self._now() - said[0] > _LASTS_S:
            return {}
        return {entry.key: entry.value for entry in said[1].values}

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        with self._problems.of("diagnostics"):
            for status in message.status:
                if status.name.startswith(_TASK):
                    self._said = (self._now(), status)
                    self._spoke()
