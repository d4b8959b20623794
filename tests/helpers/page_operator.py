"""An operator that grants what it is told to, and remembers what it was asked."""

from __future__ import annotations

from sdm_cockpit.operator import Abilities, Answer
from sdm_cockpit.snapshot import Box

EVERYTHING = Abilities(
    moves=True,
    sees=True,
    deadman=True,
    records=True,
    simulates=True,
    checkpoints=("models/one", "models/two"),
    tasks=("franka/pick-place", "metaworld/door-open"),
)


class PageOperator:
    """See Operator. Answers at once."""

    def __init__(
        self, abilities: Abilities = EVERYTHING, *, grants: bool | None = True, line: str = "so it is"
    ) -> None:
        self.abilities = abilities
        self.grants = grants
        self.line = line
        self.asked: list[str] = []
        self.boxes: list[tuple[str, Box]] = []
        self.chosen: list[tuple[str, str | float]] = []
        self.held: list[bool] = []

    def ask(self, request: str, answer: Answer) -> None:
        self.asked.append(request)
        answer(self.grants, self.line)

    def set_box(self, which: str, box: Box, answer: Answer) -> None:
        self.boxes.append((which, box))
        answer(self.grants, self.line)

    def choose(self, what: str, value: str | float, answer: Answer) -> None:
        self.chosen.append((what, value))
        answer(self.grants, self.line)

    def hold_to_run(self, pressed: bool) -> None:
        self.held.append(pressed)
