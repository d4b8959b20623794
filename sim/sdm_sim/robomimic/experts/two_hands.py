"""Two hands at work at the same time."""

from __future__ import annotations

import numpy as np

from sdm_sim.robomimic.experts.hand import Hand, Script


class TwoHands:
    """The hands of robots 0 and 1, each of which has a script of its own."""

    def __init__(self, first: Hand, second: Hand) -> None:
        self._hands = first, second

    def work(self, *scripts: Script) -> Script:
        """Both scripts as actions [14], until both have ended; the hand that is ready first stays where it is."""
        waiting = [hand.stay() for hand in self._hands]
        while True:
            actions = [next(script, None) for script in scripts]
            if all(action is None for action in actions):
                return
            yield np.concatenate(
                [next(wait) if action is None else action for action, wait in zip(actions, waiting, strict=True)]
            )
