"""Conditional 1-D convolutional U-Net over the chunk (Diffusion Policy, Chi et al. 2023), with full FiLM as in DP3."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from sdm_training.networks.timestep_embedding import TimestepEmbedding
from sdm_training.settings import Part, SettingsError


class Unet1dSettings(Part):
    """widths of the levels; blocks a level and in the middle: 2 and 2 in DP3, 1 and 1 in Simple-DP3."""

    kind: str = "unet1d"
    widths: tuple[int, ...] = (512, 1024, 2048)
    blocks: int = 2
    kernel: int = 5
    groups: int = 8
    timestep_features: int = 128


class ConvBlock(nn.Sequential):
    """Convolution, group normalisation, Mish; keeps the length."""

    def __init__(self, inputs: int, outputs: int, kernel: int, groups: int) -> None:
        super().__init__(
            nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2), nn.GroupNorm(groups, outputs), nn.Mish()
        )


class FilmBlock(nn.Module):
    """Two convolution blocks with a skip; the first one's output is scaled and shifted by the condition (FiLM)."""

    def __init__(self, inputs: int, outputs: int, condition_dim: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.first = ConvBlock(inputs, outputs, kernel, groups)
        self.film = nn.Sequential(nn.Mish(), nn.Linear(condition_dim, 2 * outputs))
        self.second = ConvBlock(outputs, outputs, kernel, groups)
        self.skip = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.film(condition)[..., None].chunk(2, dim=1)
        return self.second(scale * self.first(x) + shift) + self.skip(x)


class FilmBlocks(nn.ModuleList):
    """`count` FiLM blocks in a row; the first one changes the width."""

    def __init__(self, count: int, inputs: int, outputs: int, condition_dim: int, kernel: int, groups: int) -> None:
        widths = (inputs, *[outputs] * count)
        super().__init__(FilmBlock(before, after, condition_dim, kernel, groups) for before, after in pairwise(widths))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        for block in self:
            x = block(x, condition)
        return x


class Unet1d(nn.Module):
    """Noisy chunk [B, H, A], times [B, `times`], condition [B, D] → prediction [B, H, A]."""

    def __init__(
        self, settings: Unet1dSettings, action_dim: int, horizon: int, condition_dim: int, times: int = 1
    ) -> None:
        super().__init__()
        self.feature_dim = settings.widths[-1]
        widths, features = settings.widths, settings.timestep_features
        halvings = len(widths) - 1
        if horizon % 2**halvings:
            raise SettingsError(
                f"horizon {horizon} is halved {halvings} times by the U-Net: make it a multiple of {2**halvings}"
            )
        self.timestep = nn.Sequential(
            TimestepEmbedding(features),
            nn.Linear(times * features, 4 * features),
            nn.Mish(),
            nn.Linear(4 * features, features),
        )

        def level(inputs: int, outputs: int) -> FilmBlocks:
            return FilmBlocks(
                settings.blocks, inputs, outputs, features + condition_dim, settings.kernel, settings.groups
            )

        steps = list(zip((action_dim, *widths), widths, strict=False))
        self.down = nn.ModuleList(level(inputs, outputs) for inputs, outputs in steps)
        self.downsample = nn.ModuleList(nn.Conv1d(width, width, 3, stride=2, padding=1) for width in widths[:-1])
        self.middle = level(widths[-1], widths[-1])
        self.up = nn.ModuleList(level(2 * outputs, inputs) for inputs, outputs in reversed(steps[1:]))
        self.upsample = nn.ModuleList(
            nn.ConvTranspose1d(width, width, 4, stride=2, padding=1) for width in reversed(widths[:-1])
        )
        self.outputs = nn.Sequential(
            ConvBlock(widths[0], widths[0], settings.kernel, settings.groups), nn.Conv1d(widths[0], action_dim, 1)
        )

    def features(self, noisy: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        """The deepest level [B, feature_dim], averaged over the chunk, from which a discriminator can judge it."""
        middle, _, _ = self._descend(noisy, times, condition)
        return middle.mean(-1)

    def forward(self, noisy: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        x, passed, condition = self._descend(noisy, times, condition)
        for blocks, upsample in zip(self.up, self.upsample, strict=True):
            x = upsample(blocks(torch.cat([x, passed.pop()], dim=1), condition))
        return self.outputs(x).transpose(1, 2)

    def _descend(self, noisy: Tensor, times: Tensor, condition: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        """The deepest level [B, C, L], what each level passes across, and times and condition as FiLM takes them."""
        condition = torch.cat([self.timestep(times), condition], dim=-1)
        x = noisy.transpose(1, 2)
        passed: list[Tensor] = []
        for index, blocks in enumerate(self.down):
            x = blocks(x, condition)
            passed.append(x)
            if index < len(self.downsample):
                x = self.downsample[index](x)
        return self.middle(x, condition), passed, condition


SETTINGS = Unet1dSettings
create = Unet1d
