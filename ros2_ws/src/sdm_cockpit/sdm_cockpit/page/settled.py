"""A value that is acted on when nobody changes it any more."""

from __future__ import annotations

import time
from collections.abc import Callable

import viser

SETTLE_S = 0.5


class Settled:
    """Follows a number's input: every digit that is typed changes it, and the last one counts."""

    def __init__(self, number: viser.GuiInputHandle[float], act: Callable[[float], None]) -> None:
        self._number, self._act = number, act
        self._due_s: float | None = None
        number.on_update(self._on_update)

    async def _on_update(self, event: viser.GuiEvent) -> None:
        if event.client_id is not None:
            self._due_s = time.monotonic() + SETTLE_S

    def tick(self) -> None:
        """To be called often."""
        if self._due_s is not None and time.monotonic() >= self._due_s:
            self._due_s = None
            self._act(float(self._number.value))
