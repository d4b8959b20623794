"""Counts what was refused, and says so without flooding the log."""

from __future__ import annotations

import time
from collections import Counter

from rclpy.node import Node

_LOG_PERIOD_S = 2.0


class Refusals:
    """`counts[what]` refusals of messages of one sort; one log line for each sort every two seconds at most."""

    def __init__(self, node: Node) -> None:
        self._logger = node.get_logger()
        self.counts: Counter[str] = Counter()
        self._logged: dict[str, float] = {}

    def note(self, what: str, reason: object) -> None:
        """Counts a refused `what` and logs the reason, throttled."""
        self.counts[what] += 1
        now = time.monotonic()
        if now - self._logged.get(what, -_LOG_PERIOD_S) >= _LOG_PERIOD_S:
            self._logged[what] = now
            self._logger.warning(f"{what} refused ({self.counts[what]} so far): {reason}")

    def summary(self) -> str:
        """One line for a node's end; empty if nothing was refused."""
        return ", ".join(f"{count} × {what}" for what, count in self.counts.items())
