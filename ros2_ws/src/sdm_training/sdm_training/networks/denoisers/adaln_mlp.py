"""A small denoiser: residual MLP blocks on chunk and condition, modulated by timestep and condition (AdaLN-Zero).

The condition enters twice. By modulation alone, whose gates start at zero, the map from observation to action is learnt
half as fast; and at high noise that map is all there is to learn.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sdm_training.networks.timestep_embedding import TimestepEmbedding
from sdm_training.settings import Part


class AdaLnMlpSettings(Part):
    """width of the residual stream; expansion: hidden width of a block in widths."""

    kind: str = "adaln_mlp"
    width: int = 256
    blocks: int = 3
    expansion: int = 2
    timestep_features: int = 64


class AdaLnBlock(nn.Module):
    """x + gate · MLP(scale · LayerNorm(x) + shift); the modulation starts at zero, so the block starts as identity."""

    def __init__(self, width: int, expansion: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.mlp = nn.Sequential(nn.Linear(width, width * expansion), nn.SiLU(), nn.Linear(width * expansion, width))
        self.modulation = nn.Linear(width, 3 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, modulator: Tensor) -> Tensor:
        shift, scale, gate = self.modulation(modulator).chunk(3, dim=-1)
        return x + gate * self.mlp(self.norm(x) * (1 + scale) + shift)


class AdaLnMlp(nn.Module):
    """Noisy chunk [B, H, A], times [B, `times`], condition [B, D] → prediction [B, H, A]."""

    def __init__(
        self, settings: AdaLnMlpSettings, action_dim: int, horizon: int, condition_dim: int, times: int = 1
    ) -> None:
        super().__init__()
        width, chunk = settings.width, horizon * action_dim
        self.feature_dim = width
        self.timestep = nn.Sequential(
            TimestepEmbedding(settings.timestep_features), nn.Linear(times * settings.timestep_features, width)
        )
        self.condition = nn.Linear(condition_dim, width)
        self.modulator = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.inputs = nn.Linear(chunk + condition_dim, width)
        self.blocks = nn.ModuleList(AdaLnBlock(width, settings.expansion) for _ in range(settings.blocks))
        self.outputs = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, chunk))

    def features(self, noisy: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        """The last residual stream [B, feature_dim], from which a discriminator can judge the chunk."""
        modulator = self.modulator(self.timestep(times) + self.condition(condition))
        x = self.inputs(torch.cat([noisy.flatten(1), condition], dim=-1))
        for block in self.blocks:
            x = block(x, modulator)
        return x

    def forward(self, noisy: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        return self.outputs(self.features(noisy, times, condition)).reshape(noisy.shape)


SETTINGS = AdaLnMlpSettings
create = AdaLnMlp
