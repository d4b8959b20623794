"""What a human may ask for, shown where it can be asked.

Whatever makes an arm move must be held down for a while; whatever stops it is one click, or the space bar.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import viser

from sdm_cockpit.operator import Abilities, Operator
from sdm_cockpit.page.answer_log import AnswerLog
from sdm_cockpit.page.held_button import CONFIRM_S, ConfirmedButton, HeldButton
from sdm_cockpit.page.palette import BLUE, BLUISH_GREEN, GREY, ORANGE, VERMILLION, YELLOW, Rgb
from sdm_cockpit.page.settled import Settled
from sdm_cockpit.snapshot import Episode

Value = TypeVar("Value")

_REAL_TIME_FACTORS: tuple[str, ...] = ("0.1", "0.25", "0.5", "1", "2", "4")
_NOTHING: tuple[str, ...] = ("",)
_MAX_LATENCY_MS = 1000
_MAX_SEED = 2**31 - 1
# A large target, in the ink that is read on yellow; below the headline's word, however far the panel is scrolled.
# viser shows no hint on a button, and hands its inputs every key.
_PAUSE_STYLE = """<style>
{button} {{ height: 3.4em !important; font-size: 1.25em; color: #101113; }}
div:has(> {button}) {{ position: sticky; top: 4.1em; z-index: 6; background: var(--mantine-color-body); }}
div:has(> {button})::after {{
  content: "The space bar does not pause while an input has the focus."; font-size: 0.75em;
}}
</style>"""


class PauseButton:
    """Always in sight, and never asks whether one is sure."""

    def __init__(self, gui: viser.GuiApi, operator: Operator, log: AnswerLog) -> None:
        self._operator, self._log = operator, log
        self._button = gui.add_button("Pause (space)", color=YELLOW, icon=viser.Icon.PLAYER_PAUSE)
        self._button.on_click(self._on_pause)
        gui.add_html(_PAUSE_STYLE.format(button=f'[id="{self._button._impl.uuid}"]'))
        self._command = gui.add_command("Pause", hotkey="space", description="The robot comes to rest.")
        self._command.on_trigger(self._on_pause)

    def show(self, abilities: Abilities) -> None:
        """Where nothing moves, nothing is paused."""
        self._button.visible = abilities.moves
        self._command.disabled = not abilities.moves

    async def _on_pause(self, event: viser.GuiEvent | viser.CommandEvent) -> None:
        self._operator.ask("pause", self._log.of("Pause"))


class Controls:
    """Buttons, choices and numbers by `Abilities`."""

    def __init__(self, gui: viser.GuiApi, operator: Operator, log: AnswerLog) -> None:
        self._gui, self._operator, self._log = gui, operator, log
        self._settled: list[Settled] = []

        self._motion = gui.add_folder("Robot", visible=False)
        with self._motion:
            self._deadman = gui.add_button("Hold to run", color=BLUISH_GREEN, icon=viser.Icon.HAND_FINGER)
            HeldButton(self._deadman, operator.hold_to_run)
            self._confirmed("Resume", "resume", BLUISH_GREEN)
            self._confirmed("Start episode", "start_episode", BLUE)
            self._confirmed("Go home", "home", BLUE)
            self._confirmed("Reset fault", "reset_fault", ORANGE)

        self._recording = gui.add_folder("Recording", visible=False)
        with self._recording:
            self._click("Record", "record", VERMILLION)
            self._group("episode", {"Keep": "keep", "Discard": "discard"})
            self._group("outcome", {"Success": "success", "Failure": "failure"})

        self._policy = gui.add_folder("Policy", visible=False)
        with self._policy:
            self._checkpoint = _Choice(gui, "checkpoint", "Load checkpoint", self._choose)

        self._simulator = gui.add_folder("Simulator", visible=False)
        with self._simulator:
            self._group("world", {"Next episode": "next_episode", "Push object": "push_object"})
            self._task = _Choice(gui, "task", "Change task", self._choose)
            self._number(gui.add_number("seed", 0, min=0, max=_MAX_SEED, step=1), "seed")
            self._latency = _Told(gui.add_slider("added latency (ms)", 0, _MAX_LATENCY_MS, 5, 0))
            self._number(self._latency.handle, "latency_ms")
            self._factor = _Told(gui.add_dropdown("real-time factor", _REAL_TIME_FACTORS, initial_value="1"))
            self._factor.handle.on_update(self._on_factor)

    def show(self, abilities: Abilities, episode: Episode | None) -> None:
        """What cannot be asked is not shown; what the simulator tells of its run stands in the inputs."""
        self._motion.visible = abilities.moves
        self._deadman.visible = abilities.deadman
        self._recording.visible = abilities.records
        self._policy.visible = bool(abilities.checkpoints)
        self._checkpoint.show(abilities.checkpoints)
        self._simulator.visible = abilities.simulates
        self._task.show(abilities.tasks)
        if episode is not None:
            self._latency.show(min(round(episode.latency_ms), _MAX_LATENCY_MS))
            factor = f"{episode.real_time_factor:g}"
            self._factor.show(factor if factor in _REAL_TIME_FACTORS else None)
        for settled in self._settled:
            settled.tick()

    def _confirmed(self, label: str, request: str, colour: Rgb) -> None:
        button = self._gui.add_button(f"{label} (hold)", color=colour)
        ConfirmedButton(
            button,
            lambda: self._operator.ask(request, self._log.of(label)),
            lambda: self._log.tell(label, False, f"this moves the robot: hold the button for {CONFIRM_S} s"),
        )

    def _click(self, label: str, request: str, colour: Rgb) -> None:
        button = self._gui.add_button(label, color=colour)

        @button.on_click
        async def _(event: viser.GuiEvent) -> None:
            self._operator.ask(request, self._log.of(label))

    def _group(self, name: str, requests: dict[str, str]) -> None:
        group = self._gui.add_button_group(name, tuple(requests))

        @group.on_click
        async def _(event: viser.GuiEvent) -> None:
            self._operator.ask(requests[group.value], self._log.of(group.value))

    def _number(self, number: viser.GuiInputHandle, what: str) -> None:
        self._settled.append(Settled(number, lambda value: self._choose(what, value)))

    def _choose(self, what: str, value: str | float) -> None:
        shown = value if isinstance(value, str) else f"{value:.10g}"
        self._operator.choose(what, value, self._log.of(f"{what.replace('_', ' ')} {shown}"))

    async def _on_factor(self, event: viser.GuiEvent[viser.GuiInputHandle[str]]) -> None:
        if event.client_id is not None:
            self._choose("real_time_factor", float(event.target.value))


class _Told(Generic[Value]):
    """An input that follows what is told, once: somebody may be changing it."""

    def __init__(self, handle: viser.GuiInputHandle[Value]) -> None:
        self.handle = handle
        self._told: Value | None = None

    def show(self, told: Value | None) -> None:
        """None: no value that it could have."""
        if told is not None and told != self._told:
            self._told = self.handle.value = told


class _Choice:
    """A list, and a button that makes the choice, since it stops what runs."""

    def __init__(self, gui: viser.GuiApi, what: str, label: str, choose: Callable[[str, str], None]) -> None:
        self._what, self._choose = what, choose
        self._list = gui.add_dropdown(what, _NOTHING, visible=False)
        self._button = gui.add_button(label, color=GREY, visible=False)
        self._button.on_click(self._on_click)

    def show(self, options: tuple[str, ...]) -> None:
        """Follows what there is to choose from."""
        self._list.visible = self._button.visible = bool(options)
        if options and tuple(self._list.options) != options:
            self._list.options = options

    async def _on_click(self, event: viser.GuiEvent) -> None:
        self._choose(self._what, self._list.value)
