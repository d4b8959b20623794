"""A discriminator on a denoiser's features, as DMD2 (Yin et al. 2024) adds to its critic: real or generated?"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from sdm_training.policy.process import Process


class Discriminator(nn.Module):
    """A denoiser's features [B, feature_dim] of noised chunks → logits [B], positive for real ones."""

    def __init__(self, feature_dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(feature_dim), nn.Linear(feature_dim, feature_dim), nn.SiLU(), nn.Linear(feature_dim, 1)
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)[:, 0]


def features(process: Process, denoiser: Any, x: Tensor, levels: Tensor, condition: Tensor) -> Tensor:
    """The denoiser's features [B, feature_dim] of x [B, H, A], given to it as the process gives it to any network."""
    seen: list[Tensor] = []

    def network(scaled: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        seen.append(denoiser.features(scaled, times, condition))
        return scaled

    process.predict_x0(network, x, levels, condition, clip=False)
    return seen[0]
