"""The diffusion teacher: the denoiser learns x0 or epsilon at every noise level (DDPM, Ho et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from sdm_training.behaviour_cloning import BehaviourCloning, CloningSettings
from sdm_training.data.windows import Windows
from sdm_training.policy import Policy
from sdm_training.sampling import SamplingSettings


class DiffusionTeacherSettings(CloningSettings):
    """sample_nfe: the DDIM steps with which the teacher counts as itself."""

    kind: str = "diffusion"
    method: str = "dp3"
    sample_nfe: int = 10


class DiffusionTeacher(BehaviourCloning):
    """Mean squared error of the prediction at uniformly drawn timesteps."""

    def __init__(
        self, settings: DiffusionTeacherSettings, policy: Policy, windows: Windows, generator: torch.Generator
    ) -> None:
        super().__init__(settings, policy, windows, generator)
        self.sampling = SamplingSettings(nfe=settings.sample_nfe)

    def loss(self, condition: Tensor, action: Tensor) -> Tensor:
        schedule = self.policy.schedule
        timesteps = torch.randint(schedule.last + 1, action.shape[:1], generator=self.generator).to(action.device)
        epsilon = self.noise_like(action)
        prediction = self.policy.denoiser(schedule.add_noise(action, epsilon, timesteps), timesteps, condition)
        return mse_loss(prediction, schedule.target(action, epsilon))


SETTINGS = DiffusionTeacherSettings


def create(
    settings: DiffusionTeacherSettings, policy: Policy, windows: Windows, generator: torch.Generator
) -> DiffusionTeacher:
    """The Trainee of this recipe."""
    return DiffusionTeacher(settings, policy, windows, generator)
