from __future__ import annotations

from typing import Any

from launch.action import Action
from launch.launch_context import LaunchContext
from launch.logging import get_logger
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions

_logger = get_logger("launch.user")


class LogInfo(Action):
    """Logs a line at level info."""

    def __init__(self, *, msg: SomeSubstitutionsType, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.__msg = normalize_to_list_of_substitutions(msg)

    def execute(self, context: LaunchContext) -> None:
        _logger.info("%s", perform_substitutions(context, self.__msg))
