"""What a human may ask for on the page, whoever carries it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sdm_cockpit.snapshot import Box

Answer = Callable[[bool | None, str], None]
"""Called once, on any thread, with whether a request was granted, None where nobody has said, and a line about it."""


@dataclass(frozen=True)
class Abilities:
    """What can be asked here: a robot knows no seed, and nobody records where no recorder runs.

    `moves`: command_node is there, and `sees`: policy_node is, so that its crop box can be changed. `deadman`:
    command_node follows only as long as it is told that a button is held. `checkpoints` and `tasks` are what there is
    to choose from.
    """

    moves: bool = False
    sees: bool = False
    deadman: bool = False
    records: bool = False
    simulates: bool = False
    checkpoints: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()


class Operator(Protocol):
    """Never blocks: each request is sent, and `answer` told later."""

    @property
    def abilities(self) -> Abilities: ...

    def ask(self, request: str, answer: Answer) -> None:
        """`request`: one that GraphOperator knows, such as "pause"."""
        ...

    def set_box(self, which: str, box: Box, answer: Answer) -> None:
        """`which`: "crop" or "workspace"."""
        ...

    def choose(self, what: str, value: str | float, answer: Answer) -> None:
        """`what`: one of CHOICES."""
        ...

    def hold_to_run(self, pressed: bool) -> None:
        """Whether the deadman's button is held down; to be told again at least ten times a second while it is."""
        ...


CHOICES = ("checkpoint", "task", "seed", "real_time_factor", "latency_ms")
