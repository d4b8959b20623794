from __future__ import annotations

from typing import Any

from launch.action import Action
from launch.event_handler import EventHandler
from launch.launch_context import LaunchContext
from launch.launch_description_entity import LaunchDescriptionEntity


class RegisterEventHandler(Action):
    """Adds an event handler to the launch."""

    def __init__(self, event_handler: EventHandler, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.__event_handler = event_handler

    @property
    def event_handler(self) -> EventHandler:
        return self.__event_handler

    def execute(self, context: LaunchContext) -> None:
        context.register_event_handler(self.__event_handler)

    def describe_conditional_sub_entities(self) -> list[tuple[str, list[LaunchDescriptionEntity]]]:
        return [("an event is handled", self.__event_handler.entities)]
