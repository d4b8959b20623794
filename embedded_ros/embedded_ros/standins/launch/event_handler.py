from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from launch.event import Event
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.utilities import as_entities

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class EventHandler:
    """Visits entities when a matching event is processed; `entities` may be a function of (event, context)."""

    def __init__(self, *, matcher: Callable[[Event], bool], entities: Any = None, handle_once: bool = False) -> None:
        self.__matcher = matcher
        self.__entities = entities
        self.__handle_once = handle_once

    @property
    def handle_once(self) -> bool:
        return self.__handle_once

    @property
    def entities(self) -> list[LaunchDescriptionEntity]:
        """The entities known beforehand: none for a function."""
        return [] if callable(self.__entities) else as_entities(self.__entities)

    def matches(self, event: Event) -> bool:
        return self.__matcher(event)

    def handle(self, event: Event, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        if self.__handle_once:
            context.unregister_event_handler(self)
        return as_entities(self.__entities(event, context) if callable(self.__entities) else self.__entities)
