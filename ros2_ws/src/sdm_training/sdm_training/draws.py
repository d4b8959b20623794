"""The random numbers of a training."""

from __future__ import annotations

import torch
from torch import Tensor


class Draws:
    """Draws from a run's own generator, on that generator's device, so that a run is the same wherever it trains.

    Without a generator they come from torch's default one of `device`; under torch.func.vmap with randomness
    "different" each stacked run gets its own.
    """

    def __init__(self, device: torch.device, generator: torch.Generator | None = None) -> None:
        self.device, self.generator = device, generator
        self._made_on = device if generator is None else generator.device

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers."""
        return torch.randn(shape, generator=self.generator, device=self._made_on).to(self.device)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform in [0, 1)."""
        return torch.rand(shape, generator=self.generator, device=self._made_on).to(self.device)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Uniform integers from `low` to `high`, both included."""
        return torch.randint(low, high + 1, shape, generator=self.generator, device=self._made_on).to(self.device)
