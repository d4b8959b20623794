"""Loggers: lines on stderr in rclpy's format, and on `/rosout` for nodes."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from .logging_severity import LoggingSeverity

_FORMAT = os.environ.get("RCUTILS_CONSOLE_OUTPUT_FORMAT", "[{severity}] [{time}] [{name}]: {message}")
_COLORS = {10: "\033[32m", 20: "", 30: "\033[33m", 40: "\033[31m", 50: "\033[31m"}
_levels: dict[str, int] = {}
_default_level = int(LoggingSeverity.INFO)
_console = True
_loggers: dict[str, RcutilsLogger] = {}
_lock = threading.Lock()

# name of a node's logger → function that publishes (severity, name, message, file, function, line) on /rosout
rosout_publishers: dict[str, Callable[[int, str, str, str, str, int], None]] = {}


def configure(levels: dict[str, str], console: bool) -> None:
    """Apply the command line: `--log-level [logger:=]level`, and whether lines are printed."""
    global _console
    _console = console
    for name, level in levels.items():
        set_logger_level(name, get_logging_severity_from_string(level))


def get_logging_severity_from_string(log_severity: str) -> LoggingSeverity:
    try:
        return LoggingSeverity[log_severity.upper()]
    except KeyError:
        allowed = ", ".join(member.name.lower() for member in LoggingSeverity if member)
        raise RuntimeError(f"log level {log_severity} is not one of {allowed}") from None


def set_logger_level(name: str, level: int, detailed_error: bool = False) -> None:
    global _default_level
    level = LoggingSeverity(level)
    if name:
        _levels[name] = level
    else:
        _default_level = level


def get_logger_level(name: str) -> LoggingSeverity:
    return LoggingSeverity(_levels.get(name, 0))


def get_logger_effective_level(name: str) -> LoggingSeverity:
    while name:
        if level := _levels.get(name, 0):
            return LoggingSeverity(level)
        name = name.rpartition(".")[0]
    return LoggingSeverity(_default_level)


def get_logger(name: str) -> RcutilsLogger:
    if not name:
        raise ValueError("Logger name must not be empty.")
    with _lock:
        if name not in _loggers:
            _loggers[name] = RcutilsLogger(name)
        return _loggers[name]


class RcutilsLogger:
    """A named logger. All severities take `once`, `skip_first` and `throttle_duration_sec` (by the calling line)."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._calls: dict[tuple[str, int], list[Any]] = {}  # calling line → [times it came, last time printed]

    def get_child(self, name: str) -> RcutilsLogger:
        if not name:
            raise ValueError("Child logger name must not be empty.")
        return get_logger(f"{self.name}.{name}" if self.name else name)

    def set_level(self, level: int) -> None:
        set_logger_level(self.name, level)

    def get_effective_level(self) -> LoggingSeverity:
        return get_logger_effective_level(self.name)

    def is_enabled_for(self, severity: int) -> bool:
        return severity >= self.get_effective_level()

    def debug(self, message: str, **kwargs: Any) -> bool:
        return self._log(LoggingSeverity.DEBUG, message, kwargs)

    def info(self, message: str, **kwargs: Any) -> bool:
        return self._log(LoggingSeverity.INFO, message, kwargs)

    def warning(self, message: str, **kwargs: Any) -> bool:
        return self._log(LoggingSeverity.WARN, message, kwargs)

    def warn(self, message: str, **kwargs: Any) -> bool:
        return self._log(LoggingSeverity.WARN, message, kwargs)

    def error(self, message: str, **kwargs: Any) -> bool:
        return self._log(LoggingSeverity.ERROR, message, kwargs)

    def fatal(self, message: str, **kwargs: Any) -> bool:
        return self._log(LoggingSeverity.FATAL, message, kwargs)

    def log(self, message: str, severity: int, name: str = "", **kwargs: Any) -> bool:
        """Log under another name than the logger's, too."""
        return self._log(LoggingSeverity(severity), message, kwargs, name)

    def _log(self, severity: LoggingSeverity, message: str, kwargs: dict[str, Any], name: str = "") -> bool:
        """Print and publish; False where the level or a filter holds the line back."""
        if severity < get_logger_effective_level(self.name):
            return False
        frame = sys._getframe(2)
        place = frame.f_code.co_filename, frame.f_lineno
        if kwargs and not self._passes(place, **kwargs):
            return False
        name, message = name or self.name, str(message)
        if _console:
            _print(severity, name, message, place, frame.f_code.co_name)
        if publish := _rosout_publisher(self.name):
            publish(severity, name, message, place[0], frame.f_code.co_name, place[1])
        return True

    def _passes(
        self,
        place: tuple[str, int],
        once: bool = False,
        skip_first: bool = False,
        throttle_duration_sec: float | None = None,
        throttle_time_source_type: object = None,
    ) -> bool:
        calls = self._calls.setdefault(place, [0, None])
        calls[0] += 1
        if once and calls[0] > 1 + skip_first:
            return False
        if skip_first and calls[0] == 1:
            return False
        if throttle_duration_sec is not None:
            now_ns = getattr(throttle_time_source_type, "_now_ns", time.monotonic_ns)()
            if calls[1] is not None and now_ns < calls[1] + throttle_duration_sec * 1e9:
                return False
            calls[1] = now_ns
        return True


def _rosout_publisher(name: str) -> Callable[[int, str, str, str, str, int], None] | None:
    """That of the node whose logger this is, or whose descendant."""
    while name and name not in rosout_publishers:
        name = name.rpartition(".")[0]
    return rosout_publishers.get(name)


def _print(severity: LoggingSeverity, name: str, message: str, place: tuple[str, int], function: str) -> None:
    now = time.time_ns()
    values = {
        "severity": severity.name,
        "name": name,
        "message": message,
        "time": f"{now // 10**9}.{now % 10**9:09d}",
        "time_as_nanoseconds": str(now),
        "file_name": place[0],
        "line_number": str(place[1]),
        "function_name": function,
    }
    line = re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), _FORMAT)
    if _colored() and (color := _COLORS[severity]):
        line = f"{color}{line}\033[0m"
    with contextlib.suppress(OSError):  # a full disk, or a reader that has gone, must not end a node
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def _colored() -> bool:
    setting = os.environ.get("RCUTILS_COLORIZED_OUTPUT", "")
    return setting == "1" if setting in ("0", "1") else sys.stderr.isatty()
