"""Distribution matching with two time scales and a discriminator (DMD2, Yin et al. 2024), on action chunks.

G descends DMD's gradient, each chunk's difference of posterior means over its distance from the teacher's (see
score_distillation), while the critic learns five times as often. Scores alone cannot correct the teacher's own errors:
a head on the critic's features learns to tell noised demonstrations from noised generated chunks, and G is drawn
towards what it takes for real (non-saturating loss). As in the paper no regression on the teacher's samples is left.

Published for images: weight 3e-3 of the discriminator in G's loss and 1e-2 in the critic's, learning rates 2e-6, noise
levels 0.02 … 0.98 of all.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from sdm_training.draws import Draws
from sdm_training.method_parts.discriminator import Discriminator, features
from sdm_training.method_parts.learner import Update
from sdm_training.method_parts.optimiser import OptimiserSettings
from sdm_training.method_parts.score_distillation import (
    Comparison,
    ScoreDistillation,
    ScoreDistillationSettings,
    sample_scale,
)
from sdm_training.observation import Batch
from sdm_training.policy.policy import Policy


class Dmd2Settings(ScoreDistillationSettings):
    """generator_adversarial, critic_adversarial: weights of the discriminator's terms beside the scores'; both 0: there
    is no discriminator."""

    kind: str = "dmd2"
    method: str = "dmd2"
    critic_optimiser: OptimiserSettings
    generator_adversarial: float = 1.0
    critic_adversarial: float = 1.0

    @property
    def adversarial(self) -> bool:
        """Whether there is a discriminator."""
        return bool(self.generator_adversarial or self.critic_adversarial)


class Dmd2(ScoreDistillation):
    """The discriminator shares the critic's update."""

    settings: Dmd2Settings

    def __init__(self, settings: Dmd2Settings, policy: Policy, windows: int) -> None:
        super().__init__(settings, policy, windows)
        if settings.adversarial:
            self.discriminator = Discriminator(policy.denoiser.feature_dim)
            generator, _ = self.updates
            self.updates = (generator, Update("critic", ("critic", "discriminator"), settings.critic_optimiser))
        self.freeze()

    def gradient(self, a_g: Tensor, compared: Comparison) -> Tensor:
        return (compared.x0_generator - compared.x0_teacher) / sample_scale(a_g, compared.x0_teacher)

    def generator_loss(self, a_g: Tensor, batch: Batch, draws: Draws) -> tuple[Tensor, dict[str, Tensor]]:
        loss, scalars = super().generator_loss(a_g, batch, draws)
        if not self.settings.adversarial:
            return loss, scalars
        fooling = softplus(-self.realism(a_g, batch, draws)).mean()
        return loss + self.settings.generator_adversarial * fooling, {**scalars, "fooling": fooling.detach()}

    def critic_loss(self, a_g: Tensor, batch: Batch, draws: Draws) -> tuple[Tensor, dict[str, Tensor]]:
        loss, scalars = super().critic_loss(a_g, batch, draws)
        if not self.settings.adversarial:
            return loss, scalars
        real = self.teacher.normalised_chunk(batch).repeat_interleave(self.settings.draws, 0)
        telling = softplus(self.realism(a_g, batch, draws)).mean() + softplus(-self.realism(real, batch, draws)).mean()
        return loss + self.settings.critic_adversarial * telling, {**scalars, "telling": telling.detach()}

    def realism(self, chunk: Tensor, batch: Batch, draws: Draws) -> Tensor:
        """Logits [B] of how real the discriminator takes chunks [B, H, A] to be, from under noise."""
        process, levels = self.teacher.process, self.draw_levels(len(chunk), draws)
        noisy = process.add_noise(chunk, draws.normal(*chunk.shape), levels)
        return self.discriminator(features(process, self.critic, noisy, levels, self.critic_condition(batch)))


SETTINGS = Dmd2Settings
create = Dmd2
