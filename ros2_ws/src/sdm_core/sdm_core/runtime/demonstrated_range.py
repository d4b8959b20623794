"""A state against the demonstrations: a policy knows nothing of places where none of them has been."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdm_core.contract import Contract

# A policy still answers well a little beyond what it was shown: by this share of what an entry spans there, …
_SHARE = 0.2
# … and by so much (m, rad, 1) of one that hardly moves: sensors are noisier than its span.
_LEAST = 0.02


class DemonstratedRange:
    """The range of each state entry over a policy's demonstrations, as its normaliser has it."""

    def __init__(self, contract: Contract) -> None:
        """Without a normaliser no state is outside."""
        self._names = contract.state_names
        bounds = contract.normaliser and contract.normaliser.state
        self._low = np.array(bounds.low if bounds else [-np.inf] * contract.state_dim)
        self._high = np.array(bounds.high if bounds else [np.inf] * contract.state_dim)
        self._margin = np.maximum(_SHARE * (self._high - self._low), _LEAST)
        self._least, self._greatest = self._low - self._margin, self._high + self._margin

    def outside(self, state: NDArray[np.float64]) -> str:
        """One line of the entry of a state [S] that lies farthest beyond its range; empty where none lies far."""
        if not ((state < self._least) | (state > self._greatest)).any():
            return ""
        worst = int((np.maximum(self._low - state, state - self._high) / self._margin).argmax())
        return (
            f"state {self._names[worst]} = {state[worst]:.2f} lies outside the demonstrations' "
            f"{self._low[worst]:.2f} … {self._high[worst]:.2f}: the policy extrapolates; begin where they do"
        )
