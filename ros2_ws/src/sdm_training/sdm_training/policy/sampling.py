"""How a trained policy is sampled, and the module that does it on raw inputs: what is exported and evaluated."""

from __future__ import annotations

from sdm_core.backends import image_input, input_names
from torch import Tensor, nn

from sdm_training.observation import Observation
from sdm_training.policy.policy import Policy
from sdm_training.policy.process import same_level
from sdm_training.settings import Settings


class SamplingSettings(Settings):
    """nfe: calls of the network, in the process's own sampler; or, where `level` is given, one call at that level (a
    distilled generator's). noise_scale 0 makes the policy a function of the observation alone."""

    nfe: int = 1
    level: float | None = None
    noise_scale: float = 1.0


class Sampler(nn.Module):
    """The contract's inputs in order (see sdm_core.backends) → action [B, H, A], all in raw units but the noise.

    point_cloud [B, C, N, channels]; image_<camera> uint8 [B, I, 3, H, W]; state [B, T, S]; noise [B, H, A]. Clouds and
    images are whole; of each the policy uses what `Policy.seen` says.
    """

    def __init__(self, policy: Policy, settings: SamplingSettings) -> None:
        super().__init__()
        self.policy, self.settings = policy, settings

    def forward(self, *inputs: Tensor) -> Tensor:
        contract = self.policy.contract
        named = dict(zip(input_names(contract), inputs, strict=True))
        images = {image.camera: named[image_input(image.camera)] for image in contract.observation.images}
        return self.act(Observation(named["state"], named.get("point_cloud"), images or None), named["noise"])

    def act(self, observation: Observation, noise: Tensor) -> Tensor:
        """Actions [B, H, A] for observations, whole or as training windows give them, and noise [B, H, A]."""
        condition = self.policy.encode(self.policy.seen(observation))
        chunk = self.chunk(condition, noise * self.settings.noise_scale)
        return self.policy.denormalise_chunk(chunk, observation.state)

    def chunk(self, condition: Tensor, noise: Tensor) -> Tensor:
        """The normalised chunk [B, H, A] for encoded observations."""
        policy, settings = self.policy, self.settings
        if settings.level is None:
            return policy.process.sample(policy.denoiser, noise, condition, settings.nfe)
        levels = same_level(noise, settings.level)
        return policy.predict_x0(policy.process.start(noise, levels), levels, condition)
