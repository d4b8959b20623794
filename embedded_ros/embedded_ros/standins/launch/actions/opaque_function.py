from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from launch.action import Action
from launch.launch_context import LaunchContext
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.utilities import as_entities


class OpaqueFunction(Action):
    """Calls `function(context, *args, **kwargs)` and visits the actions that it returns."""

    def __init__(
        self,
        *,
        function: Callable[..., Any],
        args: Iterable[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
        **left_over_kwargs: Any,
    ) -> None:
        super().__init__(**left_over_kwargs)
        if not callable(function):
            raise TypeError(f"OpaqueFunction expected a callable for 'function', got {function!r}")
        self.__function = function
        self.__args = list(args or ())
        self.__kwargs = dict(kwargs or {})

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        return as_entities(self.__function(context, *self.__args, **self.__kwargs))
