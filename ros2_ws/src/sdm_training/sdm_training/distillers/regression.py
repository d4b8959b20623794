"""The baseline without a teacher: the same network regresses the demonstrated chunk in one pass, from no noise."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from sdm_training.behaviour_cloning import BehaviourCloning, CloningSettings
from sdm_training.data.windows import Windows
from sdm_training.policy import Policy
from sdm_training.sampling import SamplingSettings
from sdm_training.settings import SettingsError


class RegressionSettings(CloningSettings):
    """The shared settings of supervised training; a deterministic loss gains nothing from several draws."""

    needs_teacher: ClassVar[bool] = False

    kind: str = "regression"
    method: str = "regression"
    draws: int = 1


class Regression(BehaviourCloning):
    """Mean squared error of one pass at the last timestep on zeros in place of noise."""

    def __init__(
        self, settings: RegressionSettings, policy: Policy, windows: Windows, generator: torch.Generator
    ) -> None:
        if policy.schedule.settings.prediction != "x0":
            raise SettingsError("regression predicts the chunk itself: set diffusion.prediction to x0")
        super().__init__(settings, policy, windows, generator)
        self.sampling = SamplingSettings(nfe=1, noise_scale=0.0)

    def loss(self, condition: Tensor, action: Tensor) -> Tensor:
        last = torch.full(action.shape[:1], self.policy.schedule.last, device=action.device)
        return mse_loss(self.policy.denoiser(torch.zeros_like(action), last, condition), action)


SETTINGS = RegressionSettings


def create(settings: RegressionSettings, policy: Policy, windows: Windows, generator: torch.Generator) -> Regression:
    """The Trainee of this method; `policy` is freshly initialised."""
    return Regression(settings, policy, windows, generator)
