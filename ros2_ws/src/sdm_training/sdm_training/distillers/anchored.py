"""Our own recipe: distribution matching held to the teacher's own samples, each term with its weight.

Distribution matching (see score_distillation, with DMD2's normalisation) makes chunks that the teacher would, but not
every one of them: descending a reverse KL divergence it may drop a mode, and its gradient is noise where generator and
teacher nearly agree. An anchor mends both, as DMD's regression term does (Yin et al. 2024a): pairs (z, teacher_n(z)) of
a noise and the teacher's n-step sample from it know which noise belongs to which mode. The sample is computed in the
step, so that no data set of pairs is stored or overfitted.

All terms are distances, not their squares: their gradients have one size for each chunk, as the normalised matching
has, and a chunk that could go either way goes to the likelier mode in place of the mean. The demonstrated chunk pulls
only those near it, and leaves other modes alone. The discriminator is DMD2's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sdm_training.distillers.dmd2 import Dmd2, Dmd2Settings
from sdm_training.draws import Draws
from sdm_training.method_parts.score_distillation import MIN_SCALE, Comparison, for_process
from sdm_training.observation import Batch
from sdm_training.policy.policy import Policy
from sdm_training.settings import Settings, SettingsError


class AnchorSettings(Settings):
    """weight of the distance to the teacher's sample from the same noise; nfe: the teacher's network calls for it, for
    all processes or by their kind."""

    weight: float = 1.0
    nfe: int | dict[str, int] = 10


class DemonstrationSettings(Settings):
    """weight of the distance to the demonstrated chunk; it falls by a factor e^-1/2 at the distance `reach`, in the
    normalised range."""

    weight: float = 0.25
    reach: float = 0.1


class AnchoredSettings(Dmd2Settings):
    """matching_weight, anchor, demonstration, generator_adversarial: a term of weight 0 is left out with all its cost.

    Without matching there is no critic, and so no discriminator; nor is there one that the generator does not heed.
    """

    kind: str = "anchored"
    method: str = "anchored"
    matching_weight: float = 1.0
    anchor: AnchorSettings = AnchorSettings()
    demonstration: DemonstrationSettings = DemonstrationSettings()
    generator_adversarial: float = 0.0

    @property
    def adversarial(self) -> bool:
        return self.generator_adversarial > 0


class Anchored(Dmd2):
    """DMD2 with an anchor; each term of the generator's loss is optional."""

    settings: AnchoredSettings

    def __init__(self, settings: AnchoredSettings, policy: Policy, windows: int) -> None:
        super().__init__(settings, policy, windows)
        if settings.adversarial and not settings.matching_weight:
            raise SettingsError("distiller.generator_adversarial needs the critic: give distiller.matching_weight too")
        if not (settings.matching_weight or settings.anchor.weight or settings.demonstration.weight):
            raise SettingsError("distiller.matching_weight, anchor.weight and demonstration.weight are all 0")
        nfe = for_process(settings.anchor.nfe, policy.settings.diffusion.kind)
        if nfe is None:
            raise SettingsError(f"distiller.anchor.nfe says nothing of the process '{policy.settings.diffusion.kind}'")
        if settings.anchor.weight:
            policy.process.check_nfe(nfe)
        self.anchor_nfe = nfe
        if not settings.matching_weight:
            del self.critic
            self.updates = self.updates[:1]

    def loss(self, update: str, batch: Batch, draws: Draws) -> tuple[Tensor, dict[str, Tensor]]:
        if update != "generator":
            return super().loss(update, batch, draws)
        settings = self.settings
        condition = self.condition(self.student, batch)
        noise = draws.normal(len(condition), *self.student.chunk_shape)
        a_g = self.generate(noise, condition)
        loss, scalars = a_g.new_zeros(()), {}
        if settings.matching_weight:
            loss, scalars = self.generator_loss(a_g, batch, draws)
        if settings.anchor.weight:
            anchored = distance(a_g, self.teachers(noise, batch)).mean()
            loss, scalars = loss + settings.anchor.weight * anchored, {**scalars, "anchored": anchored.detach()}
        if settings.demonstration.weight:
            demonstrated = self.teacher.normalised_chunk(batch).repeat_interleave(settings.draws, 0)
            apart = distance(a_g, demonstrated)
            nearness = (-((apart.detach() / settings.demonstration.reach) ** 2) / 2).exp()
            loss = loss + settings.demonstration.weight * (nearness * apart).mean()
            scalars = {**scalars, "nearness": nearness.mean()}
        return loss, scalars

    def gradient(self, a_g: Tensor, compared: Comparison) -> Tensor:
        return self.settings.matching_weight * super().gradient(a_g, compared)

    @torch.no_grad()
    def teachers(self, noise: Tensor, batch: Batch) -> Tensor:
        """The teacher's chunks [B, H, A] from this noise, after all its steps."""
        condition = self.condition(self.teacher, batch)
        return self.teacher.process.sample(self.teacher.denoiser, noise, condition, self.anchor_nfe)


def distance(a_g: Tensor, target: Tensor) -> Tensor:
    """Root of the mean squared difference [B] of chunks [B, H, A]; smooth where they agree to four digits."""
    return ((a_g - target).square().mean(dim=(1, 2)) + MIN_SCALE**2).sqrt()


SETTINGS = AnchoredSettings
create = Anchored
