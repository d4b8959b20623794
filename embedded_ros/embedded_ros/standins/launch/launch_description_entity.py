from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class LaunchDescriptionEntity:
    """Something that a launch description holds: an action, or another description."""

    def visit(self, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        """Take effect, and return the entities to visit next."""
        raise NotImplementedError(type(self).__name__)

    def describe(self) -> str:
        return type(self).__name__

    def get_asyncio_future(self) -> asyncio.Future | None:
        """The future that is done when the entity's own activity (a process, a timer) has ended; None: it has none."""
        return None

    def describe_sub_entities(self) -> list[LaunchDescriptionEntity]:
        """The entities that are certain to be visited, known without running anything."""
        return []

    def describe_conditional_sub_entities(self) -> list[tuple[str, list[LaunchDescriptionEntity]]]:
        """The entities that may be visited, each list with the condition in words."""
        return []
