"""Buttons that act only as long as they are held down, or after they have been for a while.

viser's page sends a message on the press and 20 more a second until the pointer is lifted; pressed and silent are thus
told apart without anything that could get stuck: a closed tab, a dropped connection and a hidden tab, whose timers a
browser slows down to one a second, all fall silent. A press that leaves the button stays one until it is lifted.
A keyboard's click is no press.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import viser

_MESSAGES_HZ = 20.0
SILENCE_S = 0.25
"""So long after its last message a button is released: several messages, less than anybody's reaction."""
CONFIRM_S = 0.8
"""So long a button is held before it acts: nobody does that by a slip."""
# A browser that draws without a graphics card may be busy for so long: that ends no press that only confirms.
_BUSY_S = 1.0
# A touch that becomes a scroll ends in silence, without a click: a longer silence counts as two messages, so that
# two short touches make no press and a busy browser's press only takes longer.
_COUNTED_S = 2.0 / _MESSAGES_HZ


class HeldButton:
    """Tells `held(True)` while anybody holds the button, at each message, and `held(False)` once when nobody does."""

    def __init__(self, button: viser.GuiButtonHandle, held: Callable[[bool], None]) -> None:
        self._held = held
        self._releases: dict[int | None, asyncio.TimerHandle] = {}
        button.on_hold(self._on_hold, callback_hz=_MESSAGES_HZ)

    async def _on_hold(self, event: viser.GuiEvent) -> None:
        earlier = self._releases.get(event.client_id)
        if earlier is not None:
            earlier.cancel()
        loop = asyncio.get_running_loop()
        self._releases[event.client_id] = loop.call_later(SILENCE_S, self._release, event.client_id)
        self._held(True)

    def _release(self, client: int | None) -> None:
        del self._releases[client]
        if not self._releases:
            self._held(False)


@dataclass
class _Press:
    last_s: float
    held_s: float = 0.0
    acted: bool = False


class ConfirmedButton:
    """Acts once per press, when one visitor has held it for CONFIRM_S; a mere click is told how it is meant."""

    def __init__(self, button: viser.GuiButtonHandle, act: Callable[[], None], hint: Callable[[], None]) -> None:
        self._act, self._hint = act, hint
        self._presses: dict[int | None, _Press] = {}
        button.on_hold(self._on_hold, callback_hz=_MESSAGES_HZ)
        button.on_click(self._on_click)

    async def _on_hold(self, event: viser.GuiEvent) -> None:
        now_s = asyncio.get_running_loop().time()
        press = self._presses.get(event.client_id)
        if press is None or now_s - press.last_s >= _BUSY_S:
            press = self._presses[event.client_id] = _Press(now_s)
        press.held_s += min(now_s - press.last_s, _COUNTED_S)
        press.last_s = now_s
        if not press.acted and press.held_s >= CONFIRM_S:
            press.acted = True
            self._act()

    async def _on_click(self, event: viser.GuiEvent) -> None:
        press = self._presses.pop(event.client_id, None)  # the next press is another one, however soon
        if press is None or not press.acted:
            self._hint()
