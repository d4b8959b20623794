"""EDM (Karras et al. 2022): x = x0 + sigma epsilon, a preconditioned network, and Heun's sampler."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from sdm_training.diffusion.karras import heun_step, karras_sigmas
from sdm_training.draws import Draws
from sdm_training.policy.process import Network, Process, same_level
from sdm_training.settings import Part, SettingsError

# Embedded times span what the discrete process's timesteps do (see Edm.embedded).
LARGEST_TIME = 99.0


class EdmSettings(Part):
    """sigma_data: spread of the normalised actions; rho: spacing of the sampler's sigmas; log_mean, log_std: of
    ln sigma in training (the paper's P_mean and P_std); clip_sample limits x0 to the normalised range [-1, 1]."""

    kind: str = "edm"
    sigma_min: float = 0.002
    sigma_max: float = 80.0
    sigma_data: float = 0.5
    rho: float = 7.0
    log_mean: float = -1.2
    log_std: float = 1.2
    clip_sample: bool = True


class Edm(Process):
    """Levels are sigmas."""

    def __init__(self, settings: EdmSettings) -> None:
        super().__init__()
        self.settings = settings

    @property
    def noisiest(self) -> float:
        return self.settings.sigma_max

    def draw_levels(self, count: int, draws: Draws) -> Tensor:
        """Log-normal sigmas."""
        return (self.settings.log_mean + self.settings.log_std * draws.normal(count)).exp()

    def alpha_sigma(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        sigma = levels[:, None, None]
        return torch.ones_like(sigma), sigma

    def start(self, noise: Tensor, levels: Tensor) -> Tensor:
        """Noise of the level's own size."""
        return noise * levels[:, None, None]

    def scalings(self, levels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """c_skip, c_out and c_in of the paper's Table 1, shaped [B, 1, 1]."""
        sigma, data = levels[:, None, None], self.settings.sigma_data
        total = sigma**2 + data**2
        return data**2 / total, sigma * data / total.sqrt(), 1 / total.sqrt()

    def embedded(self, levels: Tensor) -> Tensor:
        """c_noise [B]: ln sigma, stretched so that sigma_min … sigma_max become the times 0 … 99.

        The paper's ln(sigma) / 4 spans 2.7 in all, in which no but the first few of the embedding's frequencies,
        1 … 1e-4 radians a unit, would turn; stretched further, neighbouring sigmas would alias in the fastest.
        """
        low, high = math.log(self.settings.sigma_min), math.log(self.settings.sigma_max)
        return (levels.log() - low) * (LARGEST_TIME / (high - low))

    def predict_x0(
        self, network: Network, x: Tensor, levels: Tensor, condition: Tensor, clip: bool | None = None
    ) -> Tensor:
        """D(x; sigma) = c_skip x + c_out F(c_in x; c_noise) (Eq. 7)."""
        c_skip, c_out, c_in = self.scalings(levels)
        x0 = c_skip * x + c_out * network(c_in * x, self.embedded(levels)[:, None], condition)
        clip = self.settings.clip_sample if clip is None else clip
        return x0.clamp(-1, 1) if clip else x0

    def denoising_loss(
        self, network: Network, x0: Tensor, levels: Tensor, epsilon: Tensor, condition: Tensor
    ) -> Tensor:
        """Squared error of x0, weighted by lambda = 1 / c_out²: every sigma's target has unit variance (Eq. 8)."""
        _, c_out, _ = self.scalings(levels)
        denoised = self.predict_x0(network, self.add_noise(x0, epsilon, levels), levels, condition, clip=False)
        return ((denoised - x0) / c_out).square().mean()

    def sample(self, network: Network, noise: Tensor, condition: Tensor, nfe: int) -> Tensor:
        """Heun's method (Algorithm 1 without churn): two calls a step, one for the last, from sigma_min to zero."""
        self.check_nfe(nfe)

        def predict_x0(x: Tensor, levels: Tensor) -> Tensor:
            return self.predict_x0(network, x, levels, condition)

        settings = self.settings
        sigmas = karras_sigmas((nfe + 1) // 2, settings.sigma_min, settings.sigma_max, settings.rho)
        levels = [same_level(noise, sigma) for sigma in sigmas]
        x = self.start(noise, levels[0])
        for now, target in pairwise(levels):
            x = heun_step(predict_x0, x, now, target)
        return predict_x0(x, levels[-1])

    def check_nfe(self, nfe: int) -> None:
        if nfe < 1 or nfe % 2 == 0:
            raise SettingsError(f"{nfe} network calls asked of EDM: Heun's n steps take 2n - 1, give 1, 3, 5 … 19 … 35")

    def check_level(self, name: str, level: float) -> None:
        low, high = self.settings.sigma_min, self.settings.sigma_max
        if not low <= level <= high:
            raise SettingsError(f"{name} {level:g} is outside {low:g} … {high:g}")


SETTINGS = EdmSettings
create = Edm
