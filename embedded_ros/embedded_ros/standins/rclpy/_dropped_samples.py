"""What arrives and is not the CDR form of its type."""

from __future__ import annotations

from typing import Any


class DroppedSamples:
    """Counts the samples that an entity dropped, and logs the first: a broken peer must not fill the log."""

    def __init__(self, node: Any, what: str) -> None:
        self._node = node
        self._what = what  # as "a message on /chatter"
        self.count = 0

    def add(self, error: Exception) -> None:
        self.count += 1
        if self.count == 1:
            self._node.get_logger().error(f"dropped {self._what}: {error} (more of them are counted, not logged)")
