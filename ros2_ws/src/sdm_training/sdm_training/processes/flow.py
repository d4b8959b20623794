"""Flow matching (Lipman et al. 2023; Liu et al. 2023): straight paths from actions to noise, and a network of the
velocity along them.

x_t = (1 - t) x0 + t epsilon, t in [0, 1], so that a path's own velocity is epsilon - x0. The network v(x_t, t) is its
mean over all paths through x_t, and Euler's steps follow it from noise, at t = 1, to actions.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from sdm_training.draws import Draws
from sdm_training.policy.process import EMBEDDED_TIME, Network, Process, same_level
from sdm_training.settings import Part, SettingsError

# Velocities are divided by no less, where the network predicts x0.
MIN_TIME = 0.05


class FlowSettings(Part):
    """prediction: what the network gives, the velocity (as published) or the x0 of which it = (x_t - x0) / t is made.

    time_mean, time_std: of the logit-normal times; clip_sample limits a sample to the normalised range [-1, 1].
    """

    kind: str = "flow"
    prediction: Literal["velocity", "x0"] = "velocity"
    clip_sample: bool = True
    time_mean: float = 0.0
    time_std: float = 1.0


class Flow(Process):
    """Levels are times: 0 is the action, 1 is noise."""

    def __init__(self, settings: FlowSettings) -> None:
        super().__init__()
        self.settings = settings

    @property
    def noisiest(self) -> float:
        return 1.0

    def draw_levels(self, count: int, draws: Draws) -> Tensor:
        return torch.sigmoid(self.settings.time_mean + self.settings.time_std * draws.normal(count))

    def alpha_sigma(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        return 1 - levels[:, None, None], levels[:, None, None]

    def average_velocity(self, network: Network, x: Tensor, r: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """The velocity [B, H, A] with which x [B, H, A] is carried from t [B] down to r [B]: that at t, as Euler's."""
        return self._velocity(network(x, EMBEDDED_TIME * t[:, None], condition), x, t)

    def _velocity(self, output: Tensor, x: Tensor, t: Tensor) -> Tensor:
        """What the network's output says of it."""
        if self.settings.prediction == "x0":
            return (x - output) / t.clamp(min=MIN_TIME)[:, None, None]
        return output

    def predict_x0(
        self, network: Network, x: Tensor, levels: Tensor, condition: Tensor, clip: bool | None = None
    ) -> Tensor:
        """The posterior mean, by the velocity at this very time."""
        x0 = x - levels[:, None, None] * self.average_velocity(network, x, levels, levels, condition)
        return self._clipped(x0, clip)

    def denoising_loss(
        self, network: Network, x0: Tensor, levels: Tensor, epsilon: Tensor, condition: Tensor
    ) -> Tensor:
        """The squared error of the velocity at these times (Lipman et al. 2023, Eq. 9)."""
        x = self.add_noise(x0, epsilon, levels)
        return mse_loss(self.average_velocity(network, x, levels, levels, condition), epsilon - x0)

    def sample(self, network: Network, noise: Tensor, condition: Tensor, nfe: int) -> Tensor:
        """Over `nfe` intervals of one length."""
        self.check_nfe(nfe)
        x = noise
        for step in range(nfe, 0, -1):
            t, r = same_level(x, step / nfe), same_level(x, (step - 1) / nfe)
            x = x - self.average_velocity(network, x, r, t, condition) / nfe
        return self._clipped(x, None)

    def check_nfe(self, nfe: int) -> None:
        if nfe < 1:
            raise SettingsError(f"{nfe} network calls asked of process '{self.settings.kind}': give 1 or more")

    def start(self, noise: Tensor, levels: Tensor) -> Tensor:
        return levels[:, None, None] * noise

    def check_level(self, name: str, level: float) -> None:
        if not 0 < level <= 1:
            raise SettingsError(f"{name} {level:g} is outside (0, 1]")

    def _clipped(self, x0: Tensor, clip: bool | None) -> Tensor:
        clip = self.settings.clip_sample if clip is None else clip
        return x0.clamp(-1, 1) if clip else x0


SETTINGS = FlowSettings
create = Flow
