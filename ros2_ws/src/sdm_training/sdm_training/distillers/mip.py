"""The minimal iterative policy (MIP, Pan et al. 2025, "Much Ado About Noising"): two regressions, one with noise.

Without a teacher and without fitting a distribution (Eq. 4.4): one network regresses the demonstrated chunk a from
zeros at time 0, and again from I_t* = t* a + (1 - t*) epsilon at t* = 0.9. Deployed it refines its own first answer
(Eq. 4.5), in two network calls and without any noise.

The released code differs from the paper: it adds (1 - t*) epsilon to the whole of a, hands the first answer on
unscaled, and divides the errors by t* and 1 - t* before squaring, which counts the second regression 81 times as much.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sdm_training.draws import Draws
from sdm_training.method_parts.behaviour_cloning import BehaviourCloning, CloningSettings
from sdm_training.policy.policy import Policy
from sdm_training.policy.process import same_level
from sdm_training.policy.sampling import SamplingSettings
from sdm_training.processes.two_pass import TwoPass
from sdm_training.settings import SettingsError


class MipSettings(CloningSettings):
    """The shared settings of supervised training; the first regression is the same in every draw."""

    kind: str = "mip"
    method: str = "mip"


class Mip(BehaviourCloning):
    """Trains a policy whose process is TwoPass."""

    def __init__(self, settings: MipSettings, policy: Policy, windows: int) -> None:
        if not isinstance(policy.process, TwoPass):
            raise SettingsError(
                f"distiller '{settings.kind}' trains the process 'two_pass', "
                f"not '{policy.settings.diffusion.kind}': give diffusion=two_pass"
            )
        super().__init__(settings, policy, windows)
        self.second_time = policy.process.settings.second_time
        self.sampling = SamplingSettings(nfe=2, noise_scale=0.0)

    def cloning_loss(self, condition: Tensor, chunk: Tensor, draws: Draws) -> Tensor:
        """Eq. 4.4."""

        def error(time: float, noise: Tensor) -> Tensor:
            policy, times = self.trained_policy, same_level(chunk, time)
            return policy.process.denoising_loss(policy.denoiser, chunk, times, noise, condition)

        return error(0.0, torch.zeros_like(chunk)) + error(self.second_time, draws.normal(*chunk.shape))


SETTINGS = MipSettings
create = Mip
