"""Leads a robot astray now and then, so that its expert has to come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import Contract
from sdm_core.errors import TaskError

HALF: Literal["half"] = "half"
Disturbed = bool | Literal["half"]
"""Which demonstrations of a dataset: none, all, or those of every other seed."""

# Of a task's control steps: how many it lasts at an episode's start, at most, and later on, from and to; and in what
# share of the other steps one begins.
_AT_FIRST, _LASTS, _SHARE = 15, (4, 12), 0.02
# Beside the episode's seed, so that no generator of a task's own begins alike.
_STREAM = 8


def is_disturbed(disturbed: Disturbed, seed: int) -> bool:
    """Whether the demonstration of a seed is."""
    return seed % 2 == 1 if disturbed == HALF else bool(disturbed)


def disturbed_words(disturbed: Disturbed | None) -> str:
    """As names tell it: empty where none is."""
    return {None: "", False: "", True: "disturbed", HALF: "half disturbed"}[disturbed]


def disturbed_in(provenance: Iterable[Mapping[str, Any]]) -> Disturbed:
    """Which of a dataset's episodes are, by their provenance; HALF where some are, and some are not."""
    told = {bool(entry.get("disturbed")) for entry in provenance}
    return HALF if len(told) > 1 else told == {True}


class Disturbance:
    """Puts a movement in a random direction in the place of the one that the expert asks for, a few steps long.

    Ten demonstrations show ten paths; led astray, the expert shows the way back to them, and where the hand is does not
    foretell any more where it goes. The idea is DART's (Laskey et al., arXiv 1703.09327), which adds noise to each
    command: that spoils a grasp before it leads anywhere.
    """

    def __init__(self, contract: Contract) -> None:
        """Raises TaskError where no entry of an action is a movement: one that is 0 where the robot keeps still."""
        action = contract.action
        moves = [hold == 0.0 and not entry.is_gripper for entry, hold in zip(action.entries, action.hold, strict=False)]
        if not any(moves):
            raise TaskError(f"{contract.task}: its actions are places, not movements; leave disturbed=… out")
        self._moves = np.array(moves)
        self._reach = np.array([min(-entry.low, entry.high) for entry in action.entries])
        self.reset(0)

    def reset(self, seed: int, attempt: int = 0) -> None:
        """Begins the episode of a seed, with a disturbance of none to a few steps; another one with each `attempt`."""
        self._random = np.random.default_rng([seed, _STREAM, attempt])
        self._steps, self._movement = int(self._random.integers(0, _AT_FIRST + 1)), self._drawn()

    def apply(self, action: NDArray[np.float64]) -> NDArray[np.float64]:
        """The command [A] of the next step, where the expert asks for `action` [A]; a gripper does as it asks."""
        if self._steps:
            self._steps -= 1
            return np.where(self._moves, self._movement, action)
        if self._random.random() < _SHARE:
            self._steps, self._movement = int(self._random.integers(_LASTS[0], _LASTS[1] + 1)), self._drawn()
        return action

    def _drawn(self) -> NDArray[np.float64]:
        direction = self._random.standard_normal(len(self._moves)) * self._moves
        return direction / np.linalg.norm(direction) * self._reach
