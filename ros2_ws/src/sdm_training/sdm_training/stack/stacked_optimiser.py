"""AdamW over stacked parameters: every run's own moments, gradient norm and nothing shared but the step."""

# pyright: reportPrivateImportUsage=false
# (the foreach operators have no public name)

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sdm_training.method_parts.optimiser import OptimiserSettings, learning_rate

EPSILON = 1e-8


class StackedOptimiser:
    """Parameters [M, …] of M runs. All that changes from step to step lies in tensors on the device, so that a step can
    be captured as a CUDA graph and replayed."""

    def __init__(self, parameters: Sequence[Tensor], settings: OptimiserSettings, steps: int) -> None:
        self.parameters, self.settings = list(parameters), settings
        device = self.parameters[0].device
        self._first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._second = [torch.zeros_like(parameter) for parameter in self.parameters]
        # One entry a step, looked up by the count on the device.
        rates = [learning_rate(settings, step, steps) for step in range(steps)]
        beta1, beta2 = settings.betas
        corrected = [rate / (1 - beta1 ** (step + 1)) for step, rate in enumerate(rates)]
        spread = [(1 - beta2 ** (step + 1)) ** 0.5 for step in range(steps)]
        self._decay = torch.tensor([1 - rate * settings.weight_decay for rate in rates], device=device)
        self._rate, self._spread = torch.tensor(corrected, device=device), torch.tensor(spread, device=device)

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], count: Tensor) -> None:
        """Update number `count`, an integer tensor [1] on the device."""
        gradients = self._clipped(gradients)
        beta1, beta2 = self.settings.betas
        torch._foreach_lerp_(self._first, gradients, 1 - beta1)
        torch._foreach_mul_(self._second, beta2)
        torch._foreach_addcmul_(self._second, gradients, gradients, 1 - beta2)
        spread = torch._foreach_sqrt(self._second)
        torch._foreach_div_(spread, self._spread[count][0])
        torch._foreach_add_(spread, EPSILON)
        moves = torch._foreach_div(self._first, spread)
        torch._foreach_mul_(moves, self._rate[count][0])
        torch._foreach_mul_(self.parameters, self._decay[count][0])
        torch._foreach_sub_(self.parameters, moves)

    def _clipped(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        if self.settings.clip is None:
            return list(gradients)
        squares = torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients])
        # As torch.nn.utils.clip_grad_norm_ does, for each run.
        factors = (self.settings.clip / (squares.sum(0).sqrt() + 1e-6)).clamp(max=1.0)
        return [gradient * factors.reshape(-1, *[1] * (gradient.dim() - 1)) for gradient in gradients]
