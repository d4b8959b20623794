from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from launch.action import Action
from launch.actions.set_launch_configuration import SetLaunchConfiguration
from launch.launch_context import LaunchContext
from launch.launch_description import LaunchDescription
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.launch_description_source import LaunchDescriptionSource
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions


class IncludeLaunchDescription(Action):
    """Visits another launch file, its arguments set first. As in ROS 2 they stay set afterwards, unless in a group."""

    def __init__(
        self,
        launch_description_source: LaunchDescriptionSource | LaunchDescription | SomeSubstitutionsType,
        *,
        launch_arguments: Iterable[tuple[SomeSubstitutionsType, SomeSubstitutionsType]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(launch_description_source, (LaunchDescriptionSource, LaunchDescription)):
            launch_description_source = PythonLaunchDescriptionSource(launch_description_source)
        self.__source = launch_description_source
        self.__arguments = list(launch_arguments or ())

    @property
    def launch_description_source(self) -> LaunchDescriptionSource | LaunchDescription:
        return self.__source

    def describe_sub_entities(self) -> list[LaunchDescriptionEntity]:
        if isinstance(self.__source, LaunchDescription):
            return [self.__source]
        description = self.__source.try_get_launch_description_without_context()
        return [] if description is None else [description]

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        if isinstance(self.__source, LaunchDescription):
            description = self.__source
        else:
            description = self.__source.get_launch_description(context)
        given = {
            perform_substitutions(context, normalize_to_list_of_substitutions(name)) for name, _ in self.__arguments
        }
        for argument in description.get_launch_arguments():
            known = argument.name in given or argument.name in context.launch_configurations
            if argument.default_value is None and not known:
                raise RuntimeError(
                    f"Included launch description missing required argument '{argument.name}' "
                    f"(description: '{argument.description}'), given: [{', '.join(sorted(given))}]"
                )
        return [*(SetLaunchConfiguration(name, value) for name, value in self.__arguments), description]
