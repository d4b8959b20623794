from __future__ import annotations

from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue


class DiagnosticStatusWrapper(DiagnosticStatus):
    """A status that tasks fill in: a level (OK, WARN, ERROR, STALE: one byte each), a message, and named values."""

    def summary(self, *args: Any) -> None:
        """Set level and message: `summary(level, message)`, or as another status has them, `summary(status)`."""
        self.level, self.message = _summary(args)

    def clearSummary(self) -> None:
        self.summary(DiagnosticStatus.OK, "")

    def mergeSummary(self, *args: Any) -> None:
        """Take in a second summary, given as to `summary`: the worse level, and the messages of what is not OK."""
        level, message = _summary(args)
        if (level > DiagnosticStatus.OK) == (self.level > DiagnosticStatus.OK):
            self.message = f"{self.message}; {message}" if self.message else message
        elif level > self.level:
            self.message = message
        self.level = max(self.level, level)

    def add(self, key: str, val: str) -> None:
        """Append a named value."""
        self.values.append(KeyValue(key=key, value=val))


def _summary(args: tuple[Any, ...]) -> tuple[bytes, str]:
    if len(args) == 1:
        return args[0].level, args[0].message
    level, message = args
    return level, str(message)
