"""A policy in a world that waits for it."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray
from sdm_core.commands.command_gate import GateDecision
from sdm_core.commands.inline_commands import InlineCommands
from sdm_core.contract import Contract
from sdm_core.errors import ObservationError
from sdm_core.runtime.observation_window import PolicyInput
from sdm_core.runtime.policy_runtime import Answer


class PromptPolicy:
    """Every observation is answered before the next step, as in lockstep on the graph."""

    def __init__(self, contract: Contract) -> None:
        self.commands = InlineCommands(contract, contract.n_action_steps)
        self._observation: PolicyInput | None = None
        self._decisions: deque[GateDecision] = deque()
        self.refused = 0
        """Observations that the policy could not use."""

    def see(self, observation: PolicyInput) -> None:
        """An observation made now."""
        self._observation = observation

    def asks(self, now_ns: int) -> PolicyInput | None:
        """The observation to be answered now; None where there is none."""
        observation, self._observation = self._observation, None
        return observation

    def hears(self, answer: Answer, observation: PolicyInput) -> None:
        """The answer to what was asked."""
        if isinstance(answer, ObservationError):
            self.refused += 1
        else:
            self._decisions.extend(self.commands.commands(answer, observation.state[-1]))

    def decide(self, now_ns: int, state: NDArray[np.float64]) -> GateDecision | None:
        """The decision for this step; None where there is none, since an observation was refused."""
        return self._decisions.popleft() if self._decisions else None
