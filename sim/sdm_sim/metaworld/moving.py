"""`metaworld/<task>+moving`: the object moves while the hand approaches it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sdm_core.errors import TaskError

from sdm_sim.belt import Belt
from sdm_sim.metaworld.task import MetaWorldTask


class MovingMetaWorldTask(MetaWorldTask):
    """A MetaWorld task with its object on a belt. See Task."""

    variant = "+moving"

    def __init__(self, task: str) -> None:
        super().__init__(task)
        try:
            self._belt = Belt(self.name, self._model, self._data, self.contract.dt)
        except TaskError:
            self.close()
            raise

    def reset(self, seed: int) -> None:
        super().reset(seed)
        self._belt.reset(seed)

    def step(self, action: NDArray[np.float64]) -> None:
        self._belt.carry()
        super().step(action)
