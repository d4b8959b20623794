"""Guard conditions: work that the program triggers itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .callback_groups import CallbackGroup


class GuardCondition:
    """Runs its callback in the executor once after each `trigger()`."""

    def __init__(
        self, callback: Callable[[], Any] | None, callback_group: CallbackGroup | None, wake: Callable[[], None]
    ):
        self.callback = callback
        self.callback_group = callback_group
        self._wake = wake
        self._triggered = False

    def trigger(self) -> None:
        self._triggered = True
        self._wake()

    def destroy(self) -> None:
        self._triggered = False
        self.callback = None

    def _may_have_work(self) -> bool:
        return self._triggered

    def _take_work(self) -> Callable[[], Any] | None:
        if not self._triggered:
            return None
        self._triggered = False
        return self.callback or (lambda: None)
