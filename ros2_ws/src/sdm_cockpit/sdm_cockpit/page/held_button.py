"""Buttons that act only as long as they are held down, or after they have been for a while.

viser's page sends a message on the press and 20 more a second until the pointer is lifted; pressed and silent are thus
told apart without anything that could get stuck: a closed tab, a dropped connection and a hidden tab, whose timers a
browser slows down to one a second, all fall silent. A press that leaves the button stays one until it is lifted.
A keyboard's click is no press.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import viser

_MESSAGES_HZ = 20.0
SILENCE_S = 0.25
"""So long after its last message a button is released: several messages, less than anybody's reaction."""
CONFIRM_S = 0.8
"""So long a button is held before it acts: nobody does that by a slip."""
# A browser that draws without a graphics card may be busy for so long: that ends no press that only confirms.
_BUSY_S = 1.0


class HeldButton:
    """Tells `held(True)` while anybody holds the button, at each message, and `held(False)` once when nobody does."""

    def __init__(
        self, button: viser.GuiButtonHandle, held: Callable[[bool], None], silence_s: float = SILENCE_S
    ) -> None:
        self._held = held
        self._silence_s = silence_s
        self._releases: dict[int | None, asyncio.TimerHandle] = {}
        button.on_hold(self._on_hold, callback_hz=_MESSAGES_HZ)

    async def _on_hold(self, event: viser.GuiEvent) -> None:
        earlier = self._releases.get(event.client_id)
        if earlier is not None:
            earlier.cancel()
        loop = asyncio.get_running_loop()
        self._releases[event.client_id] = loop.call_later(self._silence_s, self._release, event.client_id)
        self._held(True)

    def _release(self, client: int | None) -> None:
        del self._releases[client]
        if not self._releases:
            self._held(False)


class ConfirmedButton:
    """Acts once per press, when it has been held for CONFIRM_S; a mere click is told how it is meant."""

    def __init__(self, button: viser.GuiButtonHandle, act: Callable[[], None], hint: Callable[[], None]) -> None:
        self._act, self._hint = act, hint
        self._pressed_s: float | None = None
        self._acted = False
        HeldButton(button, self._on_held, _BUSY_S)
        button.on_click(self._on_click)

    def _on_held(self, held: bool) -> None:
        now_s = asyncio.get_running_loop().time()
        if not held:
            self._pressed_s = None
        elif self._pressed_s is None:
            self._pressed_s, self._acted = now_s, False
        elif not self._acted and now_s - self._pressed_s >= CONFIRM_S:
            self._acted = True
            self._act()

    async def _on_click(self, event: viser.GuiEvent) -> None:
        if not self._acted:
            self._hint()
        self._pressed_s, self._acted = None, False  # the next press is another one, however soon
