"""How a trained policy is sampled, and the module that does it on raw inputs: what is exported and evaluated."""

from __future__ import annotations

from torch import Tensor, nn

from sdm_training.observation import Observation
from sdm_training.policy import Policy
from sdm_training.process import same_level
from sdm_training.settings import Settings


class SamplingSettings(Settings):
    """nfe: calls of the network, in the process's own sampler; or, where `level` is given, one call at that level (a
    distilled generator's). noise_scale 0 makes the policy a function of the observation alone."""

    nfe: int = 1
    level: float | None = None
    noise_scale: float = 1.0


class Sampler(nn.Module):
    """point_cloud [B, C, N, channels], state [B, T, S], noise [B, H, A] → action [B, H, A], in raw units but the noise.

    Of each cloud the first network_points of the farthest-point order are used.
    """

    def __init__(self, policy: Policy, settings: SamplingSettings) -> None:
        super().__init__()
        self.policy, self.settings = policy, settings

    def forward(self, point_cloud: Tensor, state: Tensor, noise: Tensor) -> Tensor:
        policy, settings = self.policy, self.settings
        condition = policy.encode(Observation(state, point_cloud[:, :, : policy.points]))
        return policy.denormalise_action(self.chunk(condition, noise * settings.noise_scale))

    def chunk(self, condition: Tensor, noise: Tensor) -> Tensor:
        """The normalised chunk [B, H, A] for encoded observations."""
        policy, settings = self.policy, self.settings
        if settings.level is None:
            return policy.process.sample(policy.denoiser, noise, condition, settings.nfe)
        levels = same_level(noise, settings.level)
        return policy.predict_x0(policy.process.start(noise, levels), levels, condition)
