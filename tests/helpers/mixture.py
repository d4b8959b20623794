"""A teacher whose scores are known: two equal Gaussians in the plane, the same for every observation."""

from __future__ import annotations

import copy
import functools

import torch
from sdm_training.data.windows import Windows
from sdm_training.draws import Draws
from sdm_training.method_parts.feed import Feed
from sdm_training.method_parts.learner import Learner
from sdm_training.observation import Batch
from sdm_training.policy.policy import Policy
from sdm_training.policy.process import Process
from sdm_training.training.single import Training
from torch import Tensor

from helpers.training import demonstrations, small_policy, training_of, windows_of

CENTRES = torch.tensor([[[0.5, 0.3]], [[-0.5, -0.3]]])
STD = 0.12
PLANE = {"horizon": 1, "n_action_steps": 1, "denoiser": {"kind": "adaln_mlp", "width": 64, "blocks": 2}}


def sample(count: int, generator: torch.Generator) -> Tensor:
    """Chunks [B, 1, 2] of the mixture."""
    modes = torch.randint(2, (count,), generator=generator)
    return CENTRES[modes] + STD * torch.randn(count, 1, 2, generator=generator)


def posterior_mean(process: Process, x: Tensor, levels: Tensor) -> Tensor:
    """The exact x0 [B, 1, 2] at every noise level."""
    alpha, sigma = process.alpha_sigma(levels)
    variance = (alpha * STD) ** 2 + sigma**2
    logits = [-((x - alpha * centre) ** 2).sum((1, 2)) / (2 * variance[:, 0, 0]) for centre in CENTRES]
    posterior = torch.softmax(torch.stack(logits), dim=0)[..., None, None]
    means = torch.stack([centre + alpha * STD**2 * (x - alpha * centre) / variance for centre in CENTRES])
    return (posterior * means).sum(0)


class MixtureTeacher(Policy):
    """A trained policy that predicts the exact posterior mean in place of its network's."""

    def predict_x0(self, x: Tensor, levels: Tensor, condition: Tensor, clip: bool | None = None) -> Tensor:
        return posterior_mean(self.process, x, levels)


def plane_policy(process: str = "discrete") -> tuple[Policy, Windows]:
    """A policy shortly trained on the mixture's samples, from which students start, and windows of one action.

    Trained once by a process of tests: what a test gets is its own copy, and what it draws from torch begins anew.
    """
    policy, windows = copy.deepcopy(_trained(process))
    torch.manual_seed(0)
    return policy, windows


@functools.cache
def _trained(process: str) -> tuple[Policy, Windows]:
    data = demonstrations((3,))
    policy = small_policy(data, 0, diffusion={"kind": process}, **PLANE)
    windows = windows_of(data, policy)
    generator = torch.Generator().manual_seed(0)
    draws = Draws(windows.device, generator)
    optimiser = torch.optim.AdamW(policy.denoiser.parameters(), lr=2e-3)
    condition = policy.encode(windows.batch(torch.zeros(256, dtype=torch.long)).observation).detach()
    for _ in range(400):
        levels, epsilon = policy.process.draw_levels(256, draws), draws.normal(256, 1, 2)
        loss = policy.process.denoising_loss(policy.denoiser, sample(256, generator), levels, epsilon, condition)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return policy, windows


def exact(policy: Policy) -> MixtureTeacher:
    """The same policy with exact predictions."""
    teacher = MixtureTeacher(policy.settings, policy.contract)
    teacher.load_state_dict(policy.state_dict())
    return teacher.requires_grad_(False).eval()


class MixtureFeed(Feed):
    """Batches in which the demonstrated chunks are samples of the mixture."""

    def batch(self) -> Batch:
        batch, policy, generator = super().batch(), self.feeding.encoder, self.draws.generator
        assert policy is not None
        assert generator is not None
        chunk = sample(len(batch.action), generator)
        return batch._replace(action=policy.denormalise_chunk(chunk, batch.observation.state))


def mixture_training(learner: Learner, windows: Windows) -> Training:
    """The learner, with the mixture's samples as its demonstrations."""
    run = training_of(learner, windows)
    run.feed = MixtureFeed(learner.feeding, windows, run.draws)
    return run


def mode_statistics(chunks: Tensor) -> tuple[float, list[tuple[Tensor, Tensor, Tensor]]]:
    """The share of chunks [B, 1, 2] in the first mode; for each mode its centre, and the chunks' mean and spread."""
    points = chunks[:, 0]
    first = points[:, 0] > 0
    modes = ((points[first], CENTRES[0, 0]), (points[~first], CENTRES[1, 0]))
    return first.float().mean().item(), [(centre, mode.mean(0), mode.std(0)) for mode, centre in modes]
