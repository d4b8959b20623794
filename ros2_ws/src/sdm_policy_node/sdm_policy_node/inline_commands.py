"""A chunk's commands made at once, where no command node streams them: lockstep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sdm_core.action_chunk import ActionChunk
from sdm_core.anchor import MeasuredPose
from sdm_core.command_gate import GateDecision
from sdm_core.command_pipeline import CommandPipeline
from sdm_core.command_space import is_motion
from sdm_core.contract import Contract


class InlineCommands:
    """Ticks the pipeline through the control periods until the next replan, at their simulated times."""

    def __init__(self, contract: Contract, scheduler: str, steps: int) -> None:
        self._pipeline = CommandPipeline(contract, scheduler=scheduler)
        self._pose = MeasuredPose(contract) if is_motion(contract.action) else None
        self._dt_ns = contract.dt_ns
        self._steps = steps
        self._begun = False

    def reset(self) -> None:
        """A new episode: the next chunk starts from rest."""
        self._pipeline.reset()
        self._begun = False

    def commands(self, chunk: ActionChunk, state: NDArray[np.float64]) -> list[GateDecision]:
        """The decisions for `chunk.stamp_ns` and the periods after it; `state` [S] is the newest observed one."""
        if not self._begun and self._pose:
            self._pipeline.reset(self._pose.of(state))
        self._begun = True
        self._pipeline.add(chunk)
        return [self._pipeline.tick(chunk.stamp_ns + step * self._dt_ns) for step in range(self._steps)]
