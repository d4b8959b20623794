"""MeanFlow (Geng et al. 2025): the straight paths of flow matching, and a network of the average velocity along them.

The network u(x_t, r, t) is the velocity of the flow averaged from r to t, so x_r = x_t - (t - r) u, and one call takes
noise to actions: x0 = epsilon - u(epsilon, 0, 1). At r = t it is flow matching's velocity.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from sdm_training.policy.process import Network
from sdm_training.processes.flow import Flow, FlowSettings


class MeanFlowSettings(FlowSettings):
    """See FlowSettings; prediction "x0": u = (x_t - x0) / t is made of it."""

    kind: str = "meanflow"
    time_mean: float = -0.4


class MeanFlow(Flow):
    """The network is told t and t - r.

    They are embedded as they are, below one radian of the fastest wave: du/dt, the target's noisiest part, grows with
    the frequency.
    """

    times: ClassVar[int] = 2

    def average_velocity(self, network: Network, x: Tensor, r: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """u [B, H, A] from t [B] down to r [B] at x [B, H, A]."""
        return self._velocity(network(x, torch.stack([t, t - r], dim=-1), condition), x, t)

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


SETTINGS = MeanFlowSettings
create = MeanFlow
