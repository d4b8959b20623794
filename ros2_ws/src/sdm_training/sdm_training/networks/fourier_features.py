"""Sines and cosines of coordinates, so that a small network resolves millimetres in a workspace of a metre."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Radians per normalised unit of the lowest frequency; each further one doubles it (Mildenhall et al. 2020).
LOWEST = 3.0


class FourierFeatures(nn.Module):
    """x [..., D] → x, and sine and cosine of its first `coordinates` C numbers (None: of all) at `frequencies` octaves,
    [..., D + 2 · C · frequencies]."""

    scales: Tensor

    def __init__(self, frequencies: int, coordinates: int | None = None) -> None:
        super().__init__()
        self.coordinates = coordinates
        self.register_buffer("scales", LOWEST * 2.0 ** torch.arange(frequencies), persistent=False)

    def width(self, inputs: int) -> int:
        """Features made of `inputs` numbers."""
        coordinates = inputs if self.coordinates is None else self.coordinates
        return inputs + 2 * coordinates * len(self.scales)

    def forward(self, x: Tensor) -> Tensor:
        if not len(self.scales):  # a graph must not be exported with empty tensors
            return x
        angles = (x[..., : self.coordinates, None] * self.scales).flatten(-2)
        return torch.cat([x, angles.sin(), angles.cos()], dim=-1)
