from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable

from launch.event import Event
from launch.event_handler import EventHandler
from launch.events import Shutdown
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.substitution import Substitution


class LaunchContext:
    """The state of one running launch: configurations, environment, event handlers and the event queue."""

    def __init__(self, *, argv: Iterable[str] | None = None, noninteractive: bool = False) -> None:
        self.argv = list(argv or ())
        self.noninteractive = noninteractive
        self.launch_configurations: dict[str, str] = {}
        self.environment: dict[str, str] = dict(os.environ)
        self.current_event: Event | None = None
        self.is_shutdown = False
        self.exit_code = 0
        self.asyncio_loop: asyncio.AbstractEventLoop | None = None
        self._event_queue: asyncio.Queue[Event] = asyncio.Queue()
        self._event_handlers: list[EventHandler] = []
        self._scopes: list[tuple[dict[str, str], dict[str, str]]] = []
        self._futures: set[asyncio.Future] = set()

    def perform_substitution(self, sub: Substitution) -> str:
        return sub.perform(self)

    def register_event_handler(self, event_handler: EventHandler, append: bool = False) -> None:
        """Add a handler: the newest is asked first, unless appended."""
        self._event_handlers.insert(len(self._event_handlers) if append else 0, event_handler)

    def unregister_event_handler(self, event_handler: EventHandler) -> None:
        self._event_handlers.remove(event_handler)

    def emit_event_sync(self, event: Event) -> None:
        """Queue an event for after the visit in progress. Not thread-safe: see `LaunchService.emit_event`."""
        self._event_queue.put_nowait(event)

    def visit(self, entity: LaunchDescriptionEntity) -> None:
        """Visit an entity and all that follow from it, depth first, and remember the activities they started."""
        for following in entity.visit(self) or ():
            self.visit(following)
        future = entity.get_asyncio_future()
        if future is not None:
            self._futures.add(future)

    def process_event(self, event: Event) -> None:
        """Let every matching handler visit its entities.

        What a handler raises keeps later ones from their turn, but not from a Shutdown: theirs may stop the processes.
        """
        failure: Exception | None = None
        for handler in tuple(self._event_handlers):
            try:
                if handler.matches(event):
                    self.current_event = event
                    for entity in handler.handle(event, self):
                        self.visit(entity)
            except Exception as error:
                if not isinstance(event, Shutdown):
                    raise
                failure = failure or error
        if failure is not None:
            raise failure

    def push_scope(self) -> None:
        """Begin a group: configurations and environment changed from here on are restored by `pop_scope`."""
        self._scopes.append((dict(self.launch_configurations), dict(self.environment)))

    def pop_scope(self) -> None:
        configurations, environment = self._scopes.pop()
        # In place: substitutions and actions may hold the dictionaries themselves.
        self.launch_configurations.clear()
        self.launch_configurations.update(configurations)
        self.environment.clear()
        self.environment.update(environment)
