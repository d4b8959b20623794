"""The diffusion teacher: the denoiser learns the demonstrated chunks at every noise level of its process."""

from __future__ import annotations

from torch import Tensor

from sdm_training.draws import Draws
from sdm_training.method_parts.behaviour_cloning import BehaviourCloning, CloningSettings
from sdm_training.policy.policy import Policy
from sdm_training.policy.sampling import SamplingSettings
from sdm_training.settings import SettingsError


class DiffusionTeacherSettings(CloningSettings):
    """sample_nfe: the network calls with which the teacher counts as itself."""

    kind: str = "diffusion"
    method: str = "dp3"
    sample_nfe: int = 10


class DiffusionTeacher(BehaviourCloning):
    """The process's own denoising loss."""

    def __init__(self, settings: DiffusionTeacherSettings, policy: Policy, windows: int) -> None:
        super().__init__(settings, policy, windows)
        if policy.process.times > 1:
            kind = policy.settings.diffusion.kind
            raise SettingsError(
                f"diffusion={kind}: its network is told {policy.process.times} times, of which a teacher's training "
                f"draws one: train it by sdm-distill distiller={kind}"
            )
        self.sampling = SamplingSettings(nfe=settings.sample_nfe)

    def cloning_loss(self, condition: Tensor, chunk: Tensor, draws: Draws) -> Tensor:
        policy = self.trained_policy
        levels = policy.process.draw_levels(len(chunk), draws)
        return policy.process.denoising_loss(policy.denoiser, chunk, levels, draws.normal(*chunk.shape), condition)


SETTINGS = DiffusionTeacherSettings
create = DiffusionTeacher
