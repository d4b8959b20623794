"""The baseline without a teacher: the same network regresses the demonstrated chunk in one pass, from no noise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from sdm_training.draws import Draws
from sdm_training.method_parts.behaviour_cloning import BehaviourCloning, CloningSettings
from sdm_training.policy.policy import Policy
from sdm_training.policy.process import same_level
from sdm_training.policy.sampling import SamplingSettings


class RegressionSettings(CloningSettings):
    """The shared settings of supervised training; a deterministic loss gains nothing from several draws."""

    kind: str = "regression"
    method: str = "regression"
    draws: int = 1


class Regression(BehaviourCloning):
    """Mean squared error of one pass at the noisiest level, on zeros in place of noise."""

    def __init__(self, settings: RegressionSettings, policy: Policy, windows: int) -> None:
        super().__init__(settings, policy, windows)
        policy.process.check_one_call(policy.process.noisiest)
        self.sampling = SamplingSettings(level=policy.process.noisiest, noise_scale=0.0)

    def cloning_loss(self, condition: Tensor, chunk: Tensor, draws: Draws) -> Tensor:
        policy = self.trained_policy
        zeros = torch.zeros_like(chunk)
        levels = same_level(chunk, policy.process.noisiest)
        return mse_loss(policy.predict_x0(zeros, levels, condition, clip=False), chunk)


SETTINGS = RegressionSettings
create = Regression
