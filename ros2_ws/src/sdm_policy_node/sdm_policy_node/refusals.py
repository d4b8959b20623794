"""Counts what was refused, and says so without flooding the log."""

from __future__ import annotations

from collections import Counter

from rclpy.node import Node

_LOG_PERIOD_S = 2.0


class Refusals:
    """`counts[what]` refusals of messages of one sort; one log line every two seconds at most."""

    def __init__(self, node: Node) -> None:
        self._logger = node.get_logger()
        self.counts: Counter[str] = Counter()

    def note(self, what: str, reason: object) -> None:
        """Counts a refused `what` and logs the reason, throttled."""
        self.counts[what] += 1
        self._logger.warning(
            f"{what} refused ({self.counts[what]} so far): {reason}", throttle_duration_sec=_LOG_PERIOD_S
        )
