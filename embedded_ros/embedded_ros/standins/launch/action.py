from __future__ import annotations

from typing import TYPE_CHECKING

from launch.condition import Condition
from launch.launch_description_entity import LaunchDescriptionEntity

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class Action(LaunchDescriptionEntity):
    """An entity that does something when it is visited, if its condition holds."""

    def __init__(self, *, condition: Condition | None = None) -> None:
        self.__condition = condition

    @property
    def condition(self) -> Condition | None:
        return self.__condition

    def visit(self, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        if self.__condition is not None and not self.__condition.evaluate(context):
            return None
        return self.execute(context)

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        raise NotImplementedError(type(self).__name__)
