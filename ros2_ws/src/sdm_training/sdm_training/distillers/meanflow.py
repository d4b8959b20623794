"""MeanFlow policies: MP1 (Sheng et al. 2025) and OMP (Fang et al. 2025), trained from scratch, sampled in one step.

The loss is the distance of the network's average velocity u from what the MeanFlow identity makes of it (Geng et al.
2025; processes/meanflow.py). Published: logit-normal times (-0.4, 1); r = t in three quarters of the pairs and weight
power 1 (Geng), or in half of them and power 0.5 (MP1, on the mean over a chunk, offset 1e-3). The guidance of MP1's
released code mixes v with the network's own velocity under the same condition, which has the same mean: it is left out.
OMP's finite differences in place of du/dt save memory, of which networks of this size need little: it is exact here.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from sdm_training.draws import Draws
from sdm_training.method_parts.behaviour_cloning import BehaviourCloning, CloningSettings
from sdm_training.policy.policy import Policy
from sdm_training.policy.sampling import SamplingSettings
from sdm_training.processes.meanflow import MeanFlow
from sdm_training.settings import Settings, SettingsError


class DispersionSettings(Settings):
    """MP1's dispersive loss (Wang & He 2025) on the encoded observations; weight 0 leaves it out."""

    weight: float = 0.0
    temperature: float = 0.5


class MeanFlowTrainingSettings(CloningSettings):
    """interval_share: of the pairs that have r < t; the others learn the velocity at t itself.

    weight_power p, weight_offset c: a chunk's squared error d is weighted by 1 / (d + c)^p, p = 0 by nothing;
    directional_weight: of OMP's misalignment; 0 leaves it out.
    """

    kind: str = "meanflow"
    method: str = "meanflow"
    sample_nfe: int = 1
    interval_share: float = 0.5
    weight_power: float = 0.5
    weight_offset: float = 1e-3
    directional_weight: float = 0.0
    dispersion: DispersionSettings = DispersionSettings()


class MeanFlowTraining(BehaviourCloning):
    """Trains a policy whose process is MeanFlow."""

    settings: MeanFlowTrainingSettings

    def __init__(self, settings: MeanFlowTrainingSettings, policy: Policy, windows: int) -> None:
        if not isinstance(policy.process, MeanFlow):
            raise SettingsError(
                f"distiller '{settings.kind}' trains the process 'meanflow', not '{policy.settings.diffusion.kind}': "
                "give diffusion=meanflow"
            )
        super().__init__(settings, policy, windows)
        self.process = policy.process
        self.sampling = SamplingSettings(nfe=settings.sample_nfe)

    def draw_interval(self, count: int, draws: Draws) -> tuple[Tensor, Tensor]:
        """r and t [count], r = t but for the configured share."""
        first, second = self.process.draw_levels(count, draws), self.process.draw_levels(count, draws)
        t = torch.maximum(first, second)
        apart = draws.uniform(count) < self.settings.interval_share
        return torch.where(apart, torch.minimum(first, second), t), t

    def cloning_loss(self, condition: Tensor, chunk: Tensor, draws: Draws) -> Tensor:
        settings = self.settings
        r, t = self.draw_interval(len(chunk), draws)
        u, target = self.process.velocity_and_target(
            self.trained_policy.denoiser, chunk, draws.normal(*chunk.shape), r, t, condition
        )
        error = (u - target).square().mean(dim=(1, 2))
        loss = (error / (error.detach() + settings.weight_offset) ** settings.weight_power).mean()
        if settings.directional_weight:
            loss = loss + settings.directional_weight * misalignment(u, target)
        if settings.dispersion.weight:
            observed = condition[:: settings.draws]
            loss = loss + settings.dispersion.weight * dispersion(observed, settings.dispersion.temperature)
        return loss


def misalignment(u: Tensor, target: Tensor) -> Tensor:
    """1 - the cosine between the velocities [B, H, A] of a chunk: 0 where they point the same way, however fast."""
    return (1 - cosine_similarity(u.flatten(1), target.flatten(1))).mean()


def dispersion(features: Tensor, temperature: float) -> Tensor:
    """log of the mean of exp(-squared distance / temperature) over all pairs of features [B, D]: lowest far apart."""
    distances = (features[:, None] - features).square().sum(-1)
    return (-distances / temperature).exp().mean().log()


SETTINGS = MeanFlowTrainingSettings
create = MeanFlowTraining
