"""How a trained policy is sampled, and the module that does it on raw inputs: what is exported and evaluated."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sdm_training.diffusion.samplers import sample_ddim
from sdm_training.policy import Policy
from sdm_training.settings import Settings


class SamplingSettings(Settings):
    """nfe: deterministic DDIM steps, trailing; one step may start at another timestep than the last (a student's
    generator_timestep). noise_scale 0 makes the policy a function of the observation alone."""

    nfe: int = 1
    timestep: int | None = None
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
        condition = policy.encode(point_cloud[:, :, : policy.points], state)
        return policy.denormalise_action(self.chunk(condition, noise * settings.noise_scale))

    def chunk(self, condition: Tensor, noise: Tensor) -> Tensor:
        """The normalised chunk [B, H, A] for encoded observations."""
        policy, settings = self.policy, self.settings
        if settings.timestep is not None:
            return policy.predict_x0(
                noise, torch.full(noise.shape[:1], settings.timestep, device=noise.device), condition
            )
        return sample_ddim(policy.schedule, lambda x, t: policy.predict_x0(x, t, condition), noise, settings.nfe)
