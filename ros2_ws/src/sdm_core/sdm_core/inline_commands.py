"""A chunk's commands made at once, where no command node streams them: lockstep and the direct rollout."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdm_core.action_chunk import ActionChunk
from sdm_core.anchor import Anchor, MeasuredPose, absolute
from sdm_core.command_gate import GateDecision
from sdm_core.command_pipeline import CommandPipeline
from sdm_core.command_space import is_motion
from sdm_core.contract import Contract


class InlineCommands:
    """Anchors each chunk and ticks the pipeline through the control periods until the next, at their simulated times.

    A simulated world has no cell to stay within: relative actions end nowhere.
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
        if not self._begun and self._pose:
            self._pipeline.reset(self._pose.of(state))
        self._begun = True
        self._pipeline.add(self._anchor.absolute(chunk, state))
        return [self._pipeline.tick(chunk.stamp_ns + step * self._dt_ns) for step in range(self._steps)]
