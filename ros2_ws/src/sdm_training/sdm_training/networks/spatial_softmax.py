"""Where in an image a feature is seen (Levine et al. 2016): what is kept of a feature map for control."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SpatialSoftmax(nn.Module):
    """Feature maps [M, C, h, w] → the expected places of K keypoints [M, 2K] in [-1, 1]: all x, then all y."""

    def __init__(self, channels: int, keypoints: int) -> None:
        super().__init__()
        self.keypoints = nn.Conv2d(channels, keypoints, 1)

    def forward(self, features: Tensor) -> Tensor:
        heat = self.keypoints(features)
        # As plain numbers, so that an exported network computes no shapes.
        height, width = (int(length) for length in heat.shape[-2:])
        across, down = (torch.linspace(-1.0, 1.0, length, device=heat.device) for length in (width, height))
        x, y = across.expand(height, width).flatten(), down[:, None].expand(height, width).flatten()
        attention = heat.flatten(2).softmax(-1)
        return torch.cat([(attention * x).sum(-1), (attention * y).sum(-1)], dim=-1)
