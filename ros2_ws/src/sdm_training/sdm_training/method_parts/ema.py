"""Exponential moving average of a module's weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sdm_training.settings import Settings


class EmaSettings(Settings):
    """decay at step n: min(max_decay, 1 - (1 + n)^-power).

    Power 1 is the plain mean until max_decay takes over, so no trace of the initial weights stays; DP3 uses power 0.75.
    """

    max_decay: float = 0.999
    power: float = 1.0

    def decay(self, step: int) -> float:
        return min(self.max_decay, 1 - (1 + step) ** -self.power)


class Ema:
    """`average`, a module like `source`, follows it."""

    def __init__(self, source: nn.Module, average: nn.Module, settings: EmaSettings) -> None:
        self.settings = settings
        self._averages: list[Tensor] = list(average.parameters())
        self._sources: list[Tensor] = list(source.parameters())

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Moves the average towards the module's present weights."""
        torch._foreach_lerp_(self._averages, self._sources, 1 - self.settings.decay(step))  # pyright: ignore[reportPrivateImportUsage]
