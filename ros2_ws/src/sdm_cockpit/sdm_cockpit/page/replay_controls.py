"""The scrubber of a recording, and the list that recordings are chosen from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import viser

from sdm_cockpit.page.palette import BLUE
from sdm_cockpit.replay.player import Player

_SPEEDS = ("0.1", "0.25", "0.5", "1", "2", "4")
_MOVES = {"−10": -10, "−1": -1, "+1": 1, "+10": 10}


class ReplayControls:
    """Moves a player, by mouse or keys; `choose` is told the place in the list of the episode that is wished for."""

    def __init__(
        self, gui: viser.GuiApi, player: Player, episodes: Sequence[str], choose: Callable[[int], None]
    ) -> None:
        """`episodes`: what each is called, all different."""
        self._player, self._names, self._choose = player, list(episodes), choose
        self._episodes = gui.add_dropdown("recording", self._names)
        self._episodes.on_update(self._on_episode)
        self._step = gui.add_slider("step", 0, 1, 1, 0)
        self._step.on_update(self._on_step)
        self._play = gui.add_button("Play (space)", color=BLUE, icon=viser.Icon.PLAYER_PLAY)
        self._play.on_click(self._on_play)
        self._moves = gui.add_button_group("steps (← →)", tuple(_MOVES))
        self._moves.on_click(self._on_move)
        self._speed = gui.add_dropdown("speed", _SPEEDS, initial_value=f"{player.speed:g}")
        self._speed.on_update(self._on_speed)
        gui.add_command("Play or pause", hotkey="space").on_trigger(self._on_play)
        gui.add_command("One step ahead", hotkey="arrowright").on_trigger(self._on_next)
        gui.add_command("One step back", hotkey="arrowleft").on_trigger(self._on_previous)

    def show(self, step: int, steps: int) -> None:
        """Where the player is, of so many steps."""
        self._step.max = max(steps - 1, 1)
        self._step.value = step
        playing = self._player.playing
        self._play.label = "Pause (space)" if playing else "Play (space)"
        self._play.icon = viser.Icon.PLAYER_PAUSE if playing else viser.Icon.PLAYER_PLAY

    async def _on_episode(self, event: viser.GuiEvent) -> None:
        self._choose(self._names.index(self._episodes.value))

    async def _on_step(self, event: viser.GuiEvent) -> None:
        if event.client_id is not None:  # else `show` has written it
            self._player.wind(int(self._step.value))

    async def _on_play(self, event: viser.GuiEvent | viser.CommandEvent) -> None:
        self._player.toggle()

    async def _on_move(self, event: viser.GuiEvent) -> None:
        self._player.move(_MOVES[self._moves.value])

    async def _on_next(self, event: viser.CommandEvent) -> None:
        self._player.move(1)

    async def _on_previous(self, event: viser.CommandEvent) -> None:
        self._player.move(-1)

    async def _on_speed(self, event: viser.GuiEvent) -> None:
        self._player.speed = float(self._speed.value)
