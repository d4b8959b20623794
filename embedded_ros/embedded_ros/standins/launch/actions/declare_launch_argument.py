from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from launch.action import Action
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitution import Substitution
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions


class DeclareLaunchArgument(Action):
    """An argument of the launch file: its name, default, description and, if limited, its choices.

    Visiting sets the launch configuration of that name to the default unless it has a value already; without either
    the launch ends with an error, as it does for a value that is not among the choices.
    """

    def __init__(
        self,
        name: str,
        *,
        default_value: SomeSubstitutionsType | None = None,
        description: str | None = None,
        choices: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.__name = name
        self.__default_value = None if default_value is None else normalize_to_list_of_substitutions(default_value)
        self.__choices = None if choices is None else list(choices)
        self.__description = description or "no description given"
        if self.__choices is not None:
            if not self.__choices:
                raise ValueError(f"Argument '{name}': choices must not be empty")
            if isinstance(default_value, str) and default_value not in self.__choices:
                raise ValueError(f"Argument '{name}': default '{default_value}' is not among the choices {choices}")
            self.__description += f". Valid choices are: {self.__choices}"

    @property
    def name(self) -> str:
        return self.__name

    @property
    def default_value(self) -> list[Substitution] | None:
        return self.__default_value

    @property
    def description(self) -> str:
        return self.__description

    @property
    def choices(self) -> list[str] | None:
        return self.__choices

    def execute(self, context: LaunchContext) -> None:
        if self.name not in context.launch_configurations:
            if self.__default_value is None:
                raise RuntimeError(
                    f'Required launch argument "{self.name}" (description: "{self.__description}") was not provided'
                )
            context.launch_configurations[self.name] = perform_substitutions(context, self.__default_value)
        value = context.launch_configurations[self.name]
        if self.__choices is not None and value not in self.__choices:
            raise RuntimeError(
                f'Argument "{self.name}" provided value "{value}" is not valid. Valid options are: {self.__choices}'
            )
