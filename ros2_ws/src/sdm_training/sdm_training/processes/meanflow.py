"""MeanFlow (Geng et al. 2025): straight paths from actions to noise, and a network of the average velocity along them.

x_t = (1 - t) x0 + t epsilon, t in [0, 1]. The network u(x_t, r, t) is the velocity of the flow averaged from r to t, so
x_r = x_t - (t - r) u, and one call takes noise to actions: x0 = epsilon - u(epsilon, 0, 1).
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from sdm_training.draws import Draws
from sdm_training.policy.process import Network, Process, same_level
from sdm_training.settings import Part, SettingsError

# Velocities are divided by no less, where the network predicts x0.
MIN_TIME = 0.05


class MeanFlowSettings(Part):
    """prediction: what the network gives, u itself (as published) or the x0 of which u = (x_t - x0) / t is made.

    time_mean, time_std: of the logit-normal times; clip_sample limits a sample to the normalised range [-1, 1].
    """

    kind: str = "meanflow"
    prediction: Literal["velocity", "x0"] = "velocity"
    clip_sample: bool = True
    time_mean: float = -0.4
    time_std: float = 1.0


class MeanFlow(Process):
    """Levels are times: 0 is the action, 1 is noise. The network is told t and t - r.

    They are embedded as they are, below one radian of the fastest wave: du/dt, the target's noisiest part, grows with
    the frequency.
    """

    times: ClassVar[int] = 2

    def __init__(self, settings: MeanFlowSettings) -> None:
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
        """u [B, H, A] from t [B] down to r [B] at x [B, H, A]."""
        output = network(x, torch.stack([t, t - r], dim=-1), condition)
        if self.settings.prediction == "x0":
            return (x - output) / t.clamp(min=MIN_TIME)[:, None, None]
        return output

    def velocity_and_target(
        self, network: Network, x0: Tensor, epsilon: Tensor, r: Tensor, t: Tensor, condition: Tensor
    ) -> tuple[Tensor, Tensor]:
        """u [B, H, A], and what the MeanFlow identity makes of it: v - (t - r) du/dt, a constant (Eq. 9–11).

        du/dt is the derivative along the path, x_t moving with v = epsilon - x0 and r held.
        """
        velocity = epsilon - x0

        def average(x: Tensor, t: Tensor) -> Tensor:
            return self.average_velocity(network, x, r, t, condition)

        at = (self.add_noise(x0, epsilon, t), t)
        u, derivative, *_ = torch.func.jvp(average, at, (velocity, torch.ones_like(t)))
        return u, (velocity - (t - r)[:, None, None] * derivative).detach()

    def predict_x0(
        self, network: Network, x: Tensor, levels: Tensor, condition: Tensor, clip: bool | None = None
    ) -> Tensor:
        """The posterior mean, by the velocity at this very time (r = t)."""
        x0 = x - levels[:, None, None] * self.average_velocity(network, x, levels, levels, condition)
        return self._clipped(x0, clip)

    def denoising_loss(
        self, network: Network, x0: Tensor, levels: Tensor, epsilon: Tensor, condition: Tensor
    ) -> Tensor:
        """Flow matching (Lipman et al. 2023): the squared error of the velocity at these times, r = t."""
        x = self.add_noise(x0, epsilon, levels)
        return mse_loss(self.average_velocity(network, x, levels, levels, condition), epsilon - x0)

    def sample(self, network: Network, noise: Tensor, condition: Tensor, nfe: int) -> Tensor:
        """Jumps over `nfe` intervals of one length."""
        self.check_nfe(nfe)
        x = noise
        for step in range(nfe, 0, -1):
            t, r = same_level(x, step / nfe), same_level(x, (step - 1) / nfe)
            x = x - self.average_velocity(network, x, r, t, condition) / nfe
        return self._clipped(x, None)

    def check_nfe(self, nfe: int) -> None:
        if nfe < 1:
            raise SettingsError(f"{nfe} network calls asked of MeanFlow: give 1 or more")

    def start(self, noise: Tensor, levels: Tensor) -> Tensor:
        return levels[:, None, None] * noise

    def check_level(self, name: str, level: float) -> None:
        if not 0 < level <= 1:
            raise SettingsError(f"{name} {level:g} is outside (0, 1]")

    def _clipped(self, x0: Tensor, clip: bool | None) -> Tensor:
        clip = self.settings.clip_sample if clip is None else clip
        return x0.clamp(-1, 1) if clip else x0


SETTINGS = MeanFlowSettings
create = MeanFlow
