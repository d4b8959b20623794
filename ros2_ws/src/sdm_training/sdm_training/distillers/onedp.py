"""One-Step Diffusion Policy (OneDP, Wang et al. 2024): Algorithm 1, stochastic (-S) and deterministic (-D).

Eq. 5's gradient by which G descends is w(k) (s_G - s_P) at the noised chunk a_k = alpha a_G + sigma epsilon, with
w(k) = sigma²; through a_k it reaches a_G with one more alpha. In posterior means (see score_distillation) that is
alpha² (x0_G - x0_P). OneDP-S asks a critic, told the scores of G's chunks by Eq. 6, for x0_G. OneDP-D drops the noise
z: given the observation its chunks are one point, whose posterior mean at any noise is the point, x0_G = a_G, which is
Eq. 7's score -epsilon / sigma. So it needs no critic, and Eq. 8 follows.

"Vision encoders are also actively trained": G and the critic, two copies of the whole pre-trained policy, each train
their own; the teacher's stays frozen.
"""

from __future__ import annotations

import copy
from typing import Self

from pydantic import model_validator
from torch import Tensor, nn

from sdm_training.method_parts.learner import Update
from sdm_training.method_parts.optimiser import OptimiserSettings
from sdm_training.method_parts.score_distillation import Comparison, ScoreDistillation, ScoreDistillationSettings
from sdm_training.observation import Batch
from sdm_training.policy.policy import Policy
from sdm_training.policy.process import Process
from sdm_training.policy.sampling import SamplingSettings


class OneDpSettings(ScoreDistillationSettings):
    """stochastic: OneDP-S, which has a critic; otherwise OneDP-D, which has none."""

    kind: str = "onedp"
    stochastic: bool
    critic_optimiser: OptimiserSettings | None = None

    @model_validator(mode="after")
    def only_the_stochastic_has_a_critic(self) -> Self:
        if self.stochastic != (self.critic_optimiser is not None):
            raise ValueError("OneDP-S needs a critic_optimiser, OneDP-D (stochastic: false) has no critic")
        return self


def generator_gradient(process: Process, x0_generator: Tensor, x0_teacher: Tensor, levels: Tensor) -> Tensor:
    """Eq. 5 with w(k) = sigma²: the gradient [B, H, A] with respect to the generated chunk."""
    alpha, _ = process.alpha_sigma(levels)
    return alpha**2 * (x0_generator - x0_teacher)


class OneDp(ScoreDistillation):
    """Algorithm 1."""

    settings: OneDpSettings

    def __init__(self, settings: OneDpSettings, policy: Policy, windows: int) -> None:
        super().__init__(settings, policy, windows)
        if not settings.stochastic:
            self.sampling = SamplingSettings(level=self.level, noise_scale=0.0)
        elif self.encodes:
            # A policy without its denoiser: the critic's, which is apart, is all else that it needs.
            self.critic_encoder = copy.deepcopy(policy)
            self.critic_encoder.denoiser = nn.Identity()
            generator, critic = self.updates
            self.updates = (generator, Update("critic", ("critic", "critic_encoder"), critic.optimiser))
        self.freeze()

    def critic_condition(self, batch: Batch) -> Tensor:
        if not self.encodes:
            return super().critic_condition(batch)
        return self.condition(self.critic_encoder, batch)

    def generator_x0(self, a_g: Tensor, a_t: Tensor, levels: Tensor, batch: Batch) -> Tensor:
        """The critic's for OneDP-S, the chunk itself for OneDP-D (Eq. 7)."""
        return super().generator_x0(a_g, a_t, levels, batch) if self.settings.stochastic else a_g

    def gradient(self, a_g: Tensor, compared: Comparison) -> Tensor:
        """Eq. 5 for OneDP-S, Eq. 8 for OneDP-D."""
        return generator_gradient(self.teacher.process, compared.x0_generator, compared.x0_teacher, compared.levels)


SETTINGS = OneDpSettings
create = OneDp
