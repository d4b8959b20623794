from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from launch.action import Action
from launch.actions.set_launch_configuration import SetLaunchConfiguration
from launch.launch_context import LaunchContext
from launch.launch_description_entity import LaunchDescriptionEntity


class _EnterScope(Action):
    def __init__(self, forwarding: bool) -> None:
        super().__init__()
        self._forwarding = forwarding

    def execute(self, context: LaunchContext) -> None:
        context.push_scope()
        if not self._forwarding:
            context.launch_configurations.clear()


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
        self.__actions: list[LaunchDescriptionEntity] = [
            *(SetLaunchConfiguration(name, value) for name, value in (launch_configurations or {}).items()),
            *actions,
        ]
        if scoped:
            self.__actions = [_EnterScope(forwarding), *self.__actions, _LeaveScope()]

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        return self.__actions

    def describe_sub_entities(self) -> list[LaunchDescriptionEntity]:
        return self.__actions if self.condition is None else []

    def describe_conditional_sub_entities(self) -> list[tuple[str, list[LaunchDescriptionEntity]]]:
        return [] if self.condition is None else [("the group's condition holds", self.__actions)]
