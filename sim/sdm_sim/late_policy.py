"""A policy in a world that does not wait, on a simulated clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_gate import GateDecision
from sdm_core.commands.inline_commands import InlineCommands
from sdm_core.contract import Contract
from sdm_core.errors import ObservationError
from sdm_core.runtime.observation_window import ObservationWindow, PolicyInput
from sdm_core.runtime.policy_runtime import Answer

_NS_PER_MS = 1e6


@dataclass(frozen=True)
class Latency:
    """What lies between an observation and its chunk, in ms.

    `way_ms` passes before the policy has the observation; those under way do not hinder each other. `answer_ms` is what
    the policy takes for it, and meanwhile it answers no other.
    """

    way_ms: float = 0.0
    answer_ms: float = 0.0

    @property
    def way_ns(self) -> int:
        return round(self.way_ms * _NS_PER_MS)

    @property
    def answer_ns(self) -> int:
        return round(self.answer_ms * _NS_PER_MS)


@dataclass(frozen=True, eq=False)
class _Answer:
    arrives_ns: int
    chunk: ActionChunk
    observed: NDArray[np.float64]
    """The newest state [S] of the observation."""


class LatePolicy:
    """What policy_node and command_node do together in real time, without either.

    Of the observations that have come while it was busy, the policy answers the newest one; one that is too old by then
    is refused. Each control period has one command, of the chunks that have arrived: where none of them covers that
    time any more, the robot is held. Without any latency these are the commands of PromptPolicy, but that after a
    refused observation the last chunk is followed to its end.
    """

    def __init__(self, contract: Contract, latency: Latency, window: ObservationWindow) -> None:
        """`window` is the one that observations are made in."""
        self._latency, self._window = latency, window
        self.commands = InlineCommands(contract, contract.n_action_steps)
        self._under_way: deque[PolicyInput] = deque()
        self._answers: deque[_Answer] = deque()
        self._begun_ns = self._free_ns = 0
        self.refused = 0
        """Observations that were too old, or that the policy could not use."""
        self.overtaken = 0
        """Observations that a newer one replaced while the policy was busy."""

    def see(self, observation: PolicyInput) -> None:
        """An observation sets out for the policy."""
        self._under_way.append(observation)

    def asks(self, now_ns: int) -> PolicyInput | None:
        """The observation that is taken up next, where its turn has come by now; it is to be answered at once."""
        while self._under_way:
            begin_ns = max(self._free_ns, self._comes(self._under_way[0]))
            if begin_ns > now_ns:
                return None
            while len(self._under_way) > 1 and self._comes(self._under_way[1]) <= begin_ns:
                self._under_way.popleft()
                self.overtaken += 1
            observation = self._under_way.popleft()
            try:
                self._window.check_age(observation.stamp_ns, begin_ns)
            except ObservationError:
                self.refused += 1
                continue
            self._begun_ns = begin_ns
            return observation
        return None

    def hears(self, answer: Answer, observation: PolicyInput) -> None:
        """The answer to what was asked; its chunk arrives once the time for it has passed."""
        if isinstance(answer, ObservationError):
            self.refused += 1
            return
        self._free_ns = self._begun_ns + self._latency.answer_ns
        self._answers.append(_Answer(self._free_ns, answer, observation.state[-1]))

    def decide(self, now_ns: int, state: NDArray[np.float64]) -> GateDecision | None:
        """The decision for the step that begins now, in `state` [S]; None before the first chunk has arrived."""
        while self._answers and self._answers[0].arrives_ns <= now_ns:
            answer = self._answers.popleft()
            self.commands.add(answer.chunk, answer.observed, measured=state)
        return self.commands.tick(now_ns)

    def _comes(self, observation: PolicyInput) -> int:
        return observation.stamp_ns + self._latency.way_ns
