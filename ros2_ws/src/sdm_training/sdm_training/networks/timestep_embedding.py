"""Sinusoidal embedding of diffusion timesteps."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

MAX_PERIOD = 10_000.0


class TimestepEmbedding(nn.Module):
    """Times [B, K] → [B, K · features] (Vaswani et al. 2017), for an even number of features."""

    frequencies: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        half = features // 2
        exponents = torch.arange(half) * (-math.log(MAX_PERIOD) / (half - 1))
        self.register_buffer("frequencies", exponents.exp(), persistent=False)

    def forward(self, times: Tensor) -> Tensor:
        angles = times.to(self.frequencies.dtype)[..., None] * self.frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(1)
