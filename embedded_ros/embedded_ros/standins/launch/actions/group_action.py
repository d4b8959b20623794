from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from launch.action import Action
from launch.actions.set_launch_configuration import SetLaunchConfiguration
from launch.launch_context import LaunchContext
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions


class _EnterScope(Action):
    def execute(self, context: LaunchContext) -> None:
        context.push_scope()


class _ResetConfigurations(Action):
    """Leaves only the given configurations, whose values are those of the surroundings."""

    def __init__(self, configurations: dict[Any, Any]) -> None:
        super().__init__()
        self._configurations = [
            (normalize_to_list_of_substitutions(name), normalize_to_list_of_substitutions(value))
            for name, value in configurations.items()
        ]

    def execute(self, context: LaunchContext) -> None:
        evaluated = {
            perform_substitutions(context, name): perform_substitutions(context, value)
            for name, value in self._configurations
        }
        context.launch_configurations.clear()
        context.launch_configurations.update(evaluated)


class _LeaveScope(Action):
    def execute(self, context: LaunchContext) -> None:
        context.pop_scope()


class GroupAction(Action):
    """Actions under one condition and, when `scoped`, with configurations and environment of their own.

    With `forwarding` it starts from its surroundings' configurations, else from `launch_configurations` alone.
    """

    def __init__(
        self,
        actions: Iterable[Action],
        *,
        scoped: bool = True,
        forwarding: bool = True,
        launch_configurations: dict[Any, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        configurations = launch_configurations or {}
        if scoped and not forwarding:
            configured: list[Action] = [_ResetConfigurations(configurations)]
        else:
            configured = [SetLaunchConfiguration(name, value) for name, value in configurations.items()]
        self.__actions: list[LaunchDescriptionEntity] = [*configured, *actions]
        if scoped:
            self.__actions = [_EnterScope(), *self.__actions, _LeaveScope()]

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        return self.__actions

    def describe_sub_entities(self) -> list[LaunchDescriptionEntity]:
        return self.__actions if self.condition is None else []

    def describe_conditional_sub_entities(self) -> list[tuple[str, list[LaunchDescriptionEntity]]]:
        return [] if self.condition is None else [("the group's condition holds", self.__actions)]
