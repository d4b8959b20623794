"""Chunks to commands where no command node streams them: lockstep, and the rollouts without a graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.anchor import Anchor, MeasuredPose, absolute
from sdm_core.commands.command_gate import GateDecision
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.command_space import is_motion
from sdm_core.contract import Contract


class InlineCommands:
    """Anchors each chunk and ticks the pipeline at simulated times.

    Where the world waits, `commands` makes all of a chunk at once, until the next; where it does not, `tick` makes one
    a period. A simulated world has no cell to stay within: relative actions end nowhere.
    """

    def __init__(self, contract: Contract, steps: int, scheduler: str = "receding") -> None:
        """`steps`: control periods between two chunks."""
        self._anchor = Anchor(contract)
        self._pipeline = CommandPipeline(absolute(contract), scheduler=scheduler)
        self._pose = MeasuredPose(contract) if is_motion(contract.action) else None
        self._at_rest = np.zeros(contract.action_dim)
        self._dt_ns = contract.dt_ns
        self._steps = steps
        self._begun = False

    @property
    def counts(self) -> dict[str, int]:
        """How often the gate intervened, by kind."""
        return self._pipeline.counts

    def reset(self) -> None:
        """A new episode: the next chunk starts from rest."""
        self._pipeline.reset()
        self._begun = False

    def standing(self, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """What a robot that has had no command yet does, as a command [A]: it stays where `state` [S] finds it."""
        return self._pose.of(state) if self._pose else self._at_rest

    def commands(self, chunk: ActionChunk, state: NDArray[np.float64]) -> list[GateDecision]:
        """The decisions for `chunk.stamp_ns` and the periods after it; `state` [S] is the newest observed one."""
        self.add(chunk, state, state)
        return [self._pipeline.tick(chunk.stamp_ns + step * self._dt_ns) for step in range(self._steps)]

    def add(self, chunk: ActionChunk, observed: NDArray[np.float64], measured: NDArray[np.float64]) -> None:
        """Takes a chunk that answers an observation whose newest state [S] is `observed`; `measured` [S] is known now,
        and where the first motion starts."""
        if not self._begun and self._pose:
            self._pipeline.reset(self._pose.of(measured))
        self._begun = True
        self._pipeline.add(self._anchor.absolute(chunk, observed))

    def tick(self, now_ns: int) -> GateDecision | None:
        """The decision of one period; None before the first chunk, when nobody commands the robot yet."""
        return self._pipeline.tick(now_ns) if self._begun else None
