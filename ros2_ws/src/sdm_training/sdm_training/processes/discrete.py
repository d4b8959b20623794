"""Discrete diffusion with squared-cosine noise: DDPM training, DDIM sampling; the network predicts x0 or epsilon."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from sdm_training.diffusion.noise_schedule import NoiseSchedule
from sdm_training.diffusion.samplers import sample_ddim
from sdm_training.draws import Draws
from sdm_training.policy.process import Network, Process
from sdm_training.settings import Part, SettingsError

# Where less of a noisy chunk is its action, one call of a network that predicts the noise does not tell it.
MIN_ALPHA = 0.05


class DiscreteSettings(Part):
    """What the network predicts; clip_sample limits x0 to the normalised range [-1, 1]."""

    kind: str = "discrete"
    train_steps: int = 100
    prediction: Literal["x0", "epsilon"] = "x0"
    clip_sample: bool = True


class Discrete(Process):
    """Levels are timesteps 0 … train_steps - 1."""

    def __init__(self, settings: DiscreteSettings) -> None:
        super().__init__()
        self.settings = settings
        self.schedule = NoiseSchedule(settings.train_steps)

    @property
    def noisiest(self) -> int:
        return self.schedule.last

    def draw_levels(self, count: int, draws: Draws) -> Tensor:
        return draws.integers(0, self.schedule.last, count)

    def alpha_sigma(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        return self.schedule.alpha_sigma(levels.long())

    def predict_x0(
        self, network: Network, x: Tensor, levels: Tensor, condition: Tensor, clip: bool | None = None
    ) -> Tensor:
        return self.to_x0(network(x, levels[:, None], condition), x, levels, clip)

    def to_x0(self, output: Tensor, x: Tensor, levels: Tensor, clip: bool | None = None) -> Tensor:
        """The network's output as x0 [B, H, A]."""
        if self.settings.prediction == "epsilon":
            alpha, sigma = self.alpha_sigma(levels)
            output = (x - sigma * output) / alpha
        clip = self.settings.clip_sample if clip is None else clip
        return output.clamp(-1, 1) if clip else output

    def denoising_loss(
        self, network: Network, x0: Tensor, levels: Tensor, epsilon: Tensor, condition: Tensor
    ) -> Tensor:
        """Mean squared error of what is predicted (Ho et al. 2020, Eq. 14, or the same of x0)."""
        output = network(self.add_noise(x0, epsilon, levels), levels[:, None], condition)
        return mse_loss(output, x0 if self.settings.prediction == "x0" else epsilon)

    def sample(self, network: Network, noise: Tensor, condition: Tensor, nfe: int) -> Tensor:
        """Deterministic DDIM at trailing timesteps."""
        self.check_nfe(nfe)
        return sample_ddim(self.schedule, lambda x, t: self.predict_x0(network, x, t, condition), noise, nfe)

    def check_nfe(self, nfe: int) -> None:
        steps = self.settings.train_steps
        if not 1 <= nfe <= steps:
            raise SettingsError(f"{nfe} network calls asked of a process of {steps} timesteps: give 1 to {steps}")

    def check_level(self, name: str, level: float) -> None:
        if not 0 <= level <= self.schedule.last or level % 1:
            raise SettingsError(f"{name} {level:g} is no timestep: they are 0, 1, … {self.schedule.last}")

    def check_one_call(self, level: float) -> None:
        alpha = self.schedule.alpha_sigma(torch.tensor([int(level)]))[0].item()
        if self.settings.prediction == "epsilon" and alpha < MIN_ALPHA:
            raise SettingsError(
                f"at timestep {level:g} a network that predicts the noise cannot tell the action, {alpha:.2%} of the "
                "chunk: give a process that predicts x0, or a lower distiller.generator_level where the method has one"
            )


SETTINGS = DiscreteSettings
create = Discrete
