"""Who looks at recordings: nothing can be asked of them any more."""

from __future__ import annotations

from sdm_cockpit.operator import Abilities, Answer
from sdm_cockpit.snapshot import Box

_REFUSAL = "this is a recording: it was as it is"


class Onlooker:
    """See Operator."""

    abilities = Abilities()

    def ask(self, request: str, answer: Answer) -> None:
        answer(False, _REFUSAL)

    def set_box(self, which: str, box: Box, answer: Answer) -> None:
        answer(False, _REFUSAL)

    def choose(self, what: str, value: str | float, answer: Answer) -> None:
        answer(False, _REFUSAL)

    def hold_to_run(self, pressed: bool) -> None:
        pass
