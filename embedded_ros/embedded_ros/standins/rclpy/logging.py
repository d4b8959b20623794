"""Loggers and their levels."""

from .impl.logging_severity import LoggingSeverity
from .impl.rcutils_logger import (
    RcutilsLogger,
    get_logger,
    get_logger_effective_level,
    get_logger_level,
    get_logging_severity_from_string,
    set_logger_level,
)

__all__ = [
    "LoggingSeverity",
    "RcutilsLogger",
    "get_logger",
    "get_logger_effective_level",
    "get_logger_level",
    "get_logging_severity_from_string",
    "set_logger_level",
]
