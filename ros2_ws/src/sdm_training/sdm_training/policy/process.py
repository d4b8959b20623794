"""A process: the path from actions to noise, what a network predicts on it, and how samples are drawn back along it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from sdm_training.draws import Draws

Network = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(scaled chunk [B, H, A], times [B, `times`] as the network embeds them, condition [B, D]) → output [B, H, A]."""

# As a network embeds them, times in [0, 1] span what the discrete process's timesteps do, which its frequencies are
# made for.
EMBEDDED_TIME = 100.0


class Process(nn.Module, ABC):
    """x_level = alpha x0 + sigma epsilon. Levels [B] are in the process's own unit (a timestep, a sigma, a time).

    Everything here is a pure function of tensors without branches on their values, so that a stack of trainings can run
    it at once (torch.func.vmap).
    """

    times: ClassVar[int] = 1
    """How many times a network of this process is told."""

    has_scores: ClassVar[bool] = True
    """Whether x0 is the mean of all that a noisy chunk may have been, at every level: the score follows from that."""

    @property
    @abstractmethod
    def noisiest(self) -> float:
        """The level of pure noise, where one-step generators are called unless they say otherwise."""

    @abstractmethod
    def draw_levels(self, count: int, draws: Draws) -> Tensor:
        """Levels [count] as a denoiser is trained on them."""

    @abstractmethod
    def alpha_sigma(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        """alpha and sigma, shaped [B, 1, 1], for levels [B]."""

    @abstractmethod
    def predict_x0(
        self, network: Network, x: Tensor, levels: Tensor, condition: Tensor, clip: bool | None = None
    ) -> Tensor:
        """x0 [B, H, A] from the noisy x [B, H, A]; clipped to [-1, 1] as configured unless `clip` says otherwise."""

    @abstractmethod
    def denoising_loss(
        self, network: Network, x0: Tensor, levels: Tensor, epsilon: Tensor, condition: Tensor
    ) -> Tensor:
        """The scalar by which a denoiser learns the chunks x0 [B, H, A], at these levels and with this noise."""

    @abstractmethod
    def sample(self, network: Network, noise: Tensor, condition: Tensor, nfe: int) -> Tensor:
        """Normalised chunks [B, H, A] after `nfe` calls of the network, from standard normal noise [B, H, A].

        Raises SettingsError where it cannot be sampled with so many.
        """

    @abstractmethod
    def check_nfe(self, nfe: int) -> None:
        """Raises SettingsError where `sample` cannot take `nfe` calls."""

    def add_noise(self, x0: Tensor, epsilon: Tensor, levels: Tensor) -> Tensor:
        """x at `levels` [B, H, A]."""
        alpha, sigma = self.alpha_sigma(levels)
        return alpha * x0 + sigma * epsilon

    def start(self, noise: Tensor, levels: Tensor) -> Tensor:
        """What a generator called at `levels` gets: the noise itself, of unit size, where alpha² + sigma² = 1."""
        return noise

    @abstractmethod
    def check_level(self, name: str, level: float) -> None:
        """Raises SettingsError where the configured level `name` is outside the process."""

    def check_one_call(self, level: float) -> None:
        """Raises SettingsError where one call at `level`, which is one of the process's, cannot give an action."""


def same_level(x: Tensor, level: float) -> Tensor:
    """One level for every chunk of x [B, …]."""
    return torch.full(x.shape[:1], level, device=x.device)
