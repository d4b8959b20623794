"""Sines and cosines of coordinates, so that a small network resolves millimetres in a workspace of a metre."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Radians per normalised unit of the lowest frequency; each further one doubles it (Mildenhall et al. 2020).
LOWEST = 3.0


class FourierFeatures(nn.Module):
    """x [..., D] → x and its sine and cosine at `frequencies` octaves, [..., D · (1 + 2 · frequencies)]."""

    scales: Tensor

    def __init__(self, frequencies: int) -> None:
        super().__init__()
        self.register_buffer("scales", LOWEST * 2.0 ** torch.arange(frequencies), persistent=False)

    def width(self, inputs: int) -> int:
        """Features made of `inputs` numbers."""
        return inputs * (1 + 2 * len(self.scales))

    def forward(self, x: Tensor) -> Tensor:
        if not len(self.scales):  # a graph must not be exported with empty tensors
            return x
        angles = (x[..., None] * self.scales).flatten(-2)
        return torch.cat([x, angles.sin(), angles.cos()], dim=-1)
