from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from launch.action import Action
from launch.event import Event
from launch.event_handler import EventHandler
from launch.event_handlers import OnShutdown
from launch.launch_context import LaunchContext
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions


class _TimerExpired(Event):
    name = "launch.events.TimerEvent"

    def __init__(self, action: TimerAction) -> None:
        self.action = action


class TimerAction(Action):
    """Visits `actions` when `period` seconds (wall time) have passed, unless the launch ends before."""

    def __init__(self, *, period: Any, actions: Iterable[LaunchDescriptionEntity], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.__period = normalize_to_list_of_substitutions(str(period) if isinstance(period, (int, float)) else period)
        self.__actions = list(actions)
        self.__future: asyncio.Future | None = None

    def execute(self, context: LaunchContext) -> None:
        loop = context.asyncio_loop
        assert loop is not None
        seconds = float(perform_substitutions(context, self.__period))
        future = self.__future = loop.create_future()

        def expire() -> None:
            if not future.done():
                context.emit_event_sync(_TimerExpired(self))
                future.set_result(None)

        def cancel(event: Event, context: LaunchContext) -> None:
            if not future.done():
                future.set_result(None)

        loop.call_later(seconds, expire)
        context.register_event_handler(OnShutdown(on_shutdown=cancel))
        context.register_event_handler(
            EventHandler(
                matcher=lambda event: isinstance(event, _TimerExpired) and event.action is self,
                entities=self.__actions,
                handle_once=True,
            )
        )

    def get_asyncio_future(self) -> asyncio.Future | None:
        return self.__future

    def describe_conditional_sub_entities(self) -> list[tuple[str, list[LaunchDescriptionEntity]]]:
        return [("the timer expires", self.__actions)]
