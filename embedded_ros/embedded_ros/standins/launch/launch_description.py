from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from launch.launch_description_entity import LaunchDescriptionEntity

if TYPE_CHECKING:
    from launch.actions.declare_launch_argument import DeclareLaunchArgument
    from launch.launch_context import LaunchContext


class LaunchDescription(LaunchDescriptionEntity):
    """An ordered list of actions: what `generate_launch_description()` of a launch file returns."""

    def __init__(self, initial_entities: Iterable[LaunchDescriptionEntity] | None = None) -> None:
        self._entities = list(initial_entities or ())

    @property
    def entities(self) -> list[LaunchDescriptionEntity]:
        return self._entities

    def add_entity(self, entity: LaunchDescriptionEntity) -> None:
        self._entities.append(entity)

    def add_action(self, action: LaunchDescriptionEntity) -> None:
        self.add_entity(action)

    def visit(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        return self._entities

    def describe_sub_entities(self) -> list[LaunchDescriptionEntity]:
        return self._entities

    def get_launch_arguments(self, conditional_inclusion: bool = False) -> list[DeclareLaunchArgument]:
        """The declared arguments, each name once, in order; those behind a condition only when asked for."""
        from launch.actions.declare_launch_argument import DeclareLaunchArgument

        found: dict[str, DeclareLaunchArgument] = {}

        def collect(entities: Iterable[LaunchDescriptionEntity]) -> None:
            for entity in entities:
                if isinstance(entity, DeclareLaunchArgument):
                    found.setdefault(entity.name, entity)
                collect(entity.describe_sub_entities())
                if conditional_inclusion:
                    for _, conditional in entity.describe_conditional_sub_entities():
                        collect(conditional)

        collect(self._entities)
        return list(found.values())
