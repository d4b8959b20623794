from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from launch.action import Action
from launch.actions.set_launch_configuration import SetLaunchConfiguration
from launch.launch_context import LaunchContext
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.launch_description_source import LaunchDescriptionSource
from launch.some_substitutions_type import SomeSubstitutionsType


class IncludeLaunchDescription(Action):
    """Visits another launch file, its arguments set first. As in ROS 2 they stay set afterwards, unless in a group."""

    def __init__(
        self,
        launch_description_source: LaunchDescriptionSource,
        *,
        launch_arguments: Iterable[tuple[SomeSubstitutionsType, SomeSubstitutionsType]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.__source = launch_description_source
        self.__arguments = list(launch_arguments or ())

    @property
    def launch_description_source(self) -> LaunchDescriptionSource:
        return self.__source

    def describe_sub_entities(self) -> list[LaunchDescriptionEntity]:
        description = self.__source.try_get_launch_description_without_context()
        return [] if description is None else [description]

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        description = self.__source.get_launch_description(context)
        return [*(SetLaunchConfiguration(name, value) for name, value in self.__arguments), description]
