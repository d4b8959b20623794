"""The services by which others read and set the levels of a node's process's loggers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rcl_interfaces.msg import LoggerLevel, SetLoggerLevelsResult
from rcl_interfaces.srv import GetLoggerLevels, SetLoggerLevels

from .impl.rcutils_logger import get_logger_level, set_logger_level

if TYPE_CHECKING:
    from .node import Node


def start_logging_service(node: Node) -> None:
    node.create_service(GetLoggerLevels, "~/get_logger_levels", _get_levels)
    node.create_service(SetLoggerLevels, "~/set_logger_levels", _set_levels)


def _get_levels(request: Any, response: Any) -> Any:
    response.levels = [LoggerLevel(name=name, level=int(get_logger_level(name))) for name in request.names]
    return response


def _set_levels(request: Any, response: Any) -> Any:
    response.results = [_set_level(wanted) for wanted in request.levels]
    return response


def _set_level(wanted: LoggerLevel) -> SetLoggerLevelsResult:
    try:
        set_logger_level(wanted.name, wanted.level)
    except ValueError as error:
        return SetLoggerLevelsResult(successful=False, reason=f"Invalid logger level: {error}")
    return SetLoggerLevelsResult(successful=True)
