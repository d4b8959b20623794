"""Squared-cosine noise schedule and the conversions between x0, epsilon and the noisy sample."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from sdm_training.settings import Settings

# Nichol & Dhariwal (2021): beta is capped so that the last step does not divide by zero.
MAX_BETA = 0.999
COSINE_OFFSET = 0.008

Prediction = Literal["x0", "epsilon"]


class DiffusionSettings(Settings):
    """Forward process and what the network predicts; clip_sample limits x0 to the normalised range [-1, 1]."""

    train_steps: int = 100
    prediction: Prediction = "x0"
    clip_sample: bool = True


class NoiseSchedule(nn.Module):
    """x_t = alpha_t x0 + sigma_t epsilon with alpha_t = sqrt(alpha_bar_t), sigma_t = sqrt(1 - alpha_bar_t).

    Valid timesteps are 0 … train_steps - 1; -1 stands for the clean sample (alpha_bar = 1).
    """

    alpha_bar: Tensor

    def __init__(self, settings: DiffusionSettings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("alpha_bar", squared_cosine_alpha_bar(settings.train_steps), persistent=False)

    @property
    def last(self) -> int:
        """The noisiest valid timestep."""
        return self.settings.train_steps - 1

    def alpha_bar_at(self, timestep: int) -> Tensor:
        """Scalar alpha_bar; 1 for the clean sample (timestep -1)."""
        return self.alpha_bar[timestep] if timestep >= 0 else torch.ones_like(self.alpha_bar[0])

    def alpha_sigma(self, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """alpha_t and sigma_t, shaped [B, 1, 1], for timesteps [B]."""
        alpha_bar = self.alpha_bar[timesteps][:, None, None]
        return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()

    def add_noise(self, x0: Tensor, epsilon: Tensor, timesteps: Tensor) -> Tensor:
        """x_t [B, H, A] from x0 and epsilon of the same shape."""
        alpha, sigma = self.alpha_sigma(timesteps)
        return alpha * x0 + sigma * epsilon

    def target(self, x0: Tensor, epsilon: Tensor) -> Tensor:
        """What the network is trained to output."""
        return x0 if self.settings.prediction == "x0" else epsilon

    def to_x0(self, prediction: Tensor, x_t: Tensor, timesteps: Tensor, clip: bool | None = None) -> Tensor:
        """The network's output as x0 [B, H, A], clipped to [-1, 1] as configured unless `clip` says otherwise."""
        x0 = prediction
        if self.settings.prediction == "epsilon":
            alpha, sigma = self.alpha_sigma(timesteps)
            x0 = (x_t - sigma * prediction) / alpha
        clip = self.settings.clip_sample if clip is None else clip
        return x0.clamp(-1, 1) if clip else x0


def squared_cosine_alpha_bar(steps: int) -> Tensor:
    """alpha_bar [steps] of the squared-cosine schedule with capped betas."""

    def level(fraction: float) -> float:
        return math.cos((fraction + COSINE_OFFSET) / (1 + COSINE_OFFSET) * math.pi / 2) ** 2

    betas = [min(1 - level((i + 1) / steps) / level(i / steps), MAX_BETA) for i in range(steps)]
    return torch.cumprod(1 - torch.tensor(betas, dtype=torch.float64), dim=0).float()
