"""The squared-cosine noise schedule."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

# Nichol & Dhariwal (2021): beta is capped so that the last step does not divide by zero.
MAX_BETA = 0.999
COSINE_OFFSET = 0.008


class NoiseSchedule(nn.Module):
    """x_t = alpha_t x0 + sigma_t epsilon with alpha_t = sqrt(alpha_bar_t), sigma_t = sqrt(1 - alpha_bar_t).

    Valid timesteps are 0 … train_steps - 1; -1 stands for the clean sample (alpha_bar = 1).
    """

    alpha_bar: Tensor

    def __init__(self, train_steps: int) -> None:
        super().__init__()
        self.train_steps = train_steps
        self.register_buffer("alpha_bar", squared_cosine_alpha_bar(train_steps), persistent=False)

    @property
    def last(self) -> int:
        """The noisiest valid timestep."""
        return self.train_steps - 1

    def alpha_bar_at(self, timestep: int) -> Tensor:
        """Scalar alpha_bar; 1 for the clean sample (timestep -1)."""
        return self.alpha_bar[timestep] if timestep >= 0 else torch.ones_like(self.alpha_bar[0])

    def alpha_sigma(self, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """alpha_t and sigma_t, shaped [B, 1, 1], for timesteps [B]."""
        alpha_bar = self.alpha_bar[timesteps][:, None, None]
        return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()


def squared_cosine_alpha_bar(steps: int) -> Tensor:
    """alpha_bar [steps] of the squared-cosine schedule with capped betas."""

    def level(fraction: float) -> float:
        return math.cos((fraction + COSINE_OFFSET) / (1 + COSINE_OFFSET) * math.pi / 2) ** 2

    betas = [min(1 - level((i + 1) / steps) / level(i / steps), MAX_BETA) for i in range(steps)]
    return torch.cumprod(1 - torch.tensor(betas, dtype=torch.float64), dim=0).float()
