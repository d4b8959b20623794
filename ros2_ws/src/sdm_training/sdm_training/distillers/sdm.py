"""Score and Distribution Matching (SDM Policy, Jia et al. 2024): Algorithm 1 with Eq. 2–6.

Three networks start from the teacher's denoiser: the one-step generator G, the frozen teacher P and the critic D, which
follows the generator's distribution (see score_distillation). Eq. 3 as printed lacks its minus; with it, Eq. 4's
gradient, by which G descends, is -(s_P - s_D) = alpha_t / sigma_t² · (x0_D - x0_P).
"""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from sdm_training.draws import Draws
from sdm_training.method_parts.optimiser import OptimiserSettings
from sdm_training.method_parts.score_distillation import (
    MIN_SCALE,
    Comparison,
    ScoreDistillation,
    ScoreDistillationSettings,
    sample_scale,
    score,
)
from sdm_training.observation import Batch
from sdm_training.policy.process import Process
from sdm_training.settings import Settings

Weight = Literal["score", "x0", "variance"]
Normalisation = Literal["per_sample", "batch", "none"]


class GradientSettings(Settings):
    """Eq. 4's free choices.

    weight w(t): "score" is Eq. 4's first line, "x0" its second (alpha / sigma² absorbed), "variance" multiplies the
    score by sigma² as OneDP does. normalisation: "per_sample" divides by the sample's mean distance between generator
    and teacher (DMD2), "batch" by the mean size of the teacher's score over the batch (the published code), which is
    of one kind with weight "score" alone.
    """

    weight: Weight = "x0"
    normalisation: Normalisation = "per_sample"

    @model_validator(mode="after")
    def batch_divides_scores(self) -> Self:
        if self.normalisation == "batch" and self.weight != "score":
            raise ValueError(f'normalisation "batch" belongs to weight "score", not to "{self.weight}"')
        return self


class SdmSettings(ScoreDistillationSettings):
    """generator_scale and critic_scale: λ and γ of Eq. 5 and 6."""

    kind: str = "sdm"
    method: str = "sdm"
    gradient: GradientSettings = GradientSettings()
    critic_optimiser: OptimiserSettings
    generator_scale: float = 1.0
    critic_scale: float = 1.0


def generator_gradient(process: Process, settings: GradientSettings, a_g: Tensor, compared: Comparison) -> Tensor:
    """Eq. 4: the gradient [B, H, A] of the KL divergence with respect to the generated chunk a_g."""
    levels, a_t, x0_teacher, x0_critic = compared
    alpha, sigma = process.alpha_sigma(levels)
    if settings.weight == "score":
        weight = alpha / sigma**2
    else:
        weight = alpha if settings.weight == "variance" else torch.ones_like(alpha)
    # -(s_P - s_D), in which a_t cancels: as a difference of scores it would lose digits near the last step.
    gradient = weight * (x0_critic - x0_teacher)
    if settings.normalisation == "per_sample":
        return gradient / sample_scale(a_g, x0_teacher)  # unweighted, else w(t) would cancel
    if settings.normalisation == "batch":
        return gradient / score(process, a_t, x0_teacher, levels).abs().mean().clamp(min=MIN_SCALE)
    return gradient


class Sdm(ScoreDistillation):
    """Algorithm 1; the critic and every c-th generator update share a batch."""

    settings: SdmSettings

    def gradient(self, a_g: Tensor, compared: Comparison) -> Tensor:
        """Eq. 5: λ times Eq. 4."""
        gradient = generator_gradient(self.teacher.process, self.settings.gradient, a_g, compared)
        return self.settings.generator_scale * gradient

    def critic_loss(self, a_g: Tensor, batch: Batch, draws: Draws) -> tuple[Tensor, dict[str, Tensor]]:
        """Eq. 6."""
        loss, scalars = super().critic_loss(a_g, batch, draws)
        return self.settings.critic_scale * loss, scalars


SETTINGS = SdmSettings
create = Sdm
