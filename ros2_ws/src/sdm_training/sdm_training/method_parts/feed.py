"""Batches for a learner."""

from __future__ import annotations

import torch
from torch import Tensor

from sdm_training.data.windows import Windows
from sdm_training.draws import Draws
from sdm_training.method_parts.learner import Feeding
from sdm_training.observation import Batch
from sdm_training.policy.policy import Policy

# The activations of so few clouds stay in a core's cache: half the time of many at once, which a GPU wants.
ENCODED_AT_ONCE, ENCODED_AT_ONCE_ON_GPU = 16, 256


class Feed:
    """Draws windows as `feeding` says; a frozen encoder's conditions are computed once, here."""

    def __init__(self, feeding: Feeding, windows: Windows, draws: Draws) -> None:
        self.feeding, self.windows, self.draws = feeding, windows, draws
        self._conditions: Tensor | None = None
        if feeding.encoder is not None:
            subsets = feeding.point_subsets if windows.vary else 1
            self._conditions = encode_subsets(feeding.encoder, windows, subsets, draws)

    def batch(self) -> Batch:
        """The next batch."""
        indices = self.windows.draw(self.feeding.observations, self.draws)
        if self._conditions is None:
            return self.windows.batch(indices, self.draws, self.feeding.points)
        subsets = self.draws.integers(0, len(self._conditions) - 1, len(indices))
        return self.windows.batch(indices)._replace(condition=self._conditions[subsets, indices])


@torch.no_grad()
def encode_subsets(encoder: Policy, windows: Windows, subsets: int, draws: Draws) -> Tensor:
    """Conditions [subsets, W, D] of every window, each from its own random subset of the points."""
    at_once = ENCODED_AT_ONCE_ON_GPU if windows.device.type == "cuda" else ENCODED_AT_ONCE
    conditions = []
    for _ in range(subsets):
        parts = [
            encoder.encode(windows.batch(indices, draws).observation)
            for indices in torch.arange(len(windows)).split(at_once)
        ]
        conditions.append(torch.cat(parts))
    return torch.stack(conditions)
