from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class Substitution:
    """A piece of text that is known only when the launch runs."""

    def perform(self, context: LaunchContext) -> str:
        raise NotImplementedError(type(self).__name__)

    def describe(self) -> str:
        return type(self).__name__
