"""Drifting policies (Deng et al. 2026, "Generative Modeling via Drifting"; DBP, Gao et al. 2026): one call, no teacher.

In training each observation's chunks, generated from different noise, are moved a little: towards the demonstrated
chunk, and away from one another. The network regresses where that leaves them (Eq. 6), so that what others do by many
network calls at run time happens in training. Were the generated chunks spread as the demonstrated ones are, both
forces would cancel (Deng et al., Proposition 3.1).

An observation has one demonstrated chunk, and chunks have many dimensions, in which the few others are all as far away
and in the mean where the demonstrated one is: pushed from there, what is generated spreads without end. So, as in DBP,
a regression of the demonstrated chunk anchors it; its weight is ours.
"""

from __future__ import annotations

import math

import torch
from pydantic import Field, model_validator
from torch import Tensor

from sdm_training.draws import Draws
from sdm_training.method_parts.behaviour_cloning import BehaviourCloning, CloningSettings
from sdm_training.policy.policy import Policy
from sdm_training.policy.process import same_level
from sdm_training.policy.sampling import SamplingSettings

# No scale that something is divided by is smaller: a force of nothing stays nothing.
MIN_SCALE = 1e-6


class DriftingSettings(CloningSettings):
    """draws: generated chunks of an observation; temperatures: of the forces' kernels, in mean distances between
    chunks; anchor_weight: of the regression beside them; 0 leaves it out."""

    kind: str = "drifting"
    method: str = "drifting"
    temperatures: tuple[float, ...] = Field(default=(0.02, 0.05, 0.2), min_length=1)
    anchor_weight: float = Field(default=1.0, ge=0)

    @model_validator(mode="after")
    def chunks_have_others(self) -> DriftingSettings:
        if self.draws < 2:
            raise ValueError(f"draws is {self.draws}: generated chunks repel each other, so give 2 or more")
        return self


class Drifting(BehaviourCloning):
    """Trains a generator that is called at its process's noisiest level."""

    settings: DriftingSettings

    def __init__(self, settings: DriftingSettings, policy: Policy, windows: int) -> None:
        super().__init__(settings, policy, windows)
        policy.process.check_one_call(policy.process.noisiest)
        self.sampling = SamplingSettings(level=policy.process.noisiest)

    def cloning_loss(self, condition: Tensor, chunk: Tensor, draws: Draws) -> Tensor:
        policy, count = self.trained_policy, self.settings.draws
        levels = same_level(chunk, policy.process.noisiest)
        noise = policy.process.start(draws.normal(*chunk.shape), levels)
        generated = policy.predict_x0(noise, levels, condition, clip=False).reshape(-1, count, chunk[0].numel())
        demonstrated = chunk.reshape(generated.shape)
        with torch.no_grad():
            drift, scale = drifting_field(generated, demonstrated[:, :1], self.settings.temperatures)
        loss = ((generated - (generated + scale * drift).detach()) / scale).square().mean()
        if self.settings.anchor_weight:
            loss = loss + self.settings.anchor_weight * ((generated - demonstrated) / scale).square().mean()
        return loss


def drifting_field(generated: Tensor, demonstrated: Tensor, temperatures: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """How far to move each generated chunk [B, G, D], in units of the second value: the mean distance between chunks,
    in one dimension. `demonstrated` [B, P, D].

    Deng et al. 2026, Algorithm 2 with its Appendix A's scales: a kernel exp(-distance / temperature), normalised over
    what a chunk is drawn to and over what is drawn to it; each temperature's forces are brought to a mean square of 1.
    """
    count, others = generated.shape[1], torch.cat([generated, demonstrated], dim=1)
    distance = (generated[:, :, None] - others[:, None]).norm(dim=-1)
    itself = torch.eye(count, others.shape[1], dtype=torch.bool, device=generated.device)
    mean_distance = (distance.sum() / (distance.numel() - len(distance) * count)).clamp(min=MIN_SCALE)
    distance = (distance / mean_distance).masked_fill(itself, torch.inf)
    scale = mean_distance / math.sqrt(generated.shape[-1])
    drift = torch.zeros_like(generated)
    for temperature in temperatures:
        logits = -distance / temperature
        affinity = (logits.softmax(dim=-1) * logits.softmax(dim=-2)).sqrt()
        repelled, drawn = affinity[..., :count], affinity[..., count:]
        force = (drawn * repelled.sum(-1, keepdim=True)) @ (demonstrated / scale)
        force = force - (repelled * drawn.sum(-1, keepdim=True)) @ (generated / scale)
        drift = drift + force / force.square().mean().sqrt().clamp(min=MIN_SCALE)
    return drift, scale


SETTINGS = DriftingSettings
create = Drifting
