"""FlowPolicy: its loss written out, what it cannot tell from the truth, and the maps that it learns."""

from __future__ import annotations

import pytest
import torch
from helpers.mixture import PLANE
from helpers.training import CPU, demonstrations, small_policy
from sdm_training.distillers.flowpolicy import FlowPolicy, FlowPolicySettings
from sdm_training.draws import Draws
from sdm_training.method_parts.optimiser import Optimiser
from sdm_training.policy.policy import Policy
from sdm_training.policy.sampling import Sampler
from sdm_training.settings import SettingsError, build
from torch import Tensor, nn

FLOW: dict[str, object] = {"kind": "flow", "clip_sample": False}


def training(policy: Policy, **changes: object) -> FlowPolicy:
    values = {"steps": 12, "observations": 4, "draws": 2, "optimiser": {"learning_rate": 1e-2}}
    return FlowPolicy(build(FlowPolicySettings, {**values, **changes}), policy, 14)


def draws() -> Draws:
    return Draws(CPU, torch.Generator().manual_seed(0))


class Answers(nn.Module):
    """Velocities that are a function of place and time."""

    def __init__(self, answer) -> None:
        super().__init__()
        self.answer, self.times = answer, []

    def forward(self, x: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        self.times.append(times[:, 0] / 100)
        return self.answer(x, times[:, 0] / 100)


@pytest.mark.parametrize("segments", [1, 2, 5])
def test_paths_that_end_in_one_chunk_cost_nothing(segments):
    """Their velocity is (x - chunk) / t, the same all along a path."""
    policy = small_policy(demonstrations(), diffusion=FLOW)
    chunk = torch.full((500, *policy.chunk_shape), 0.3)
    policy.denoiser = Answers(lambda x, t: (x - 0.3) / t.clamp(min=1e-6)[:, None, None])
    learner = training(policy, segments=segments, velocity_weight=1.0)
    assert learner.cloning_loss(torch.zeros(500, 1), chunk, draws()).item() < 1e-8


@pytest.mark.parametrize(("segments", "delta"), [(1, 0.01), (2, 0.1), (3, 1.0)])
def test_the_loss_is_the_papers(segments, delta):
    """Written out for one path at a time, in the papers' direction of time: s = 1 - t."""
    policy = small_policy(demonstrations(), diffusion=FLOW)
    learner = training(policy, segments=segments, delta=delta, velocity_weight=0.3)
    condition, chunk = torch.randn(40, policy.encoder.condition_dim), torch.randn(40, *policy.chunk_shape)
    drawn = draws()
    epsilon, shares = drawn.normal(*chunk.shape), drawn.uniform(40)

    @torch.no_grad()
    def velocity(s: float, row: int) -> Tensor:
        x = s * chunk[row] + (1 - s) * epsilon[row]
        return -policy.denoiser(x[None], torch.tensor([[100 * (1 - s)]]), condition[row : row + 1])[0]

    total = torch.zeros(())
    for row, s in enumerate(shares.tolist()):
        end = (int(s * segments) + 1) / segments
        later = min(s + delta, end)
        x_s, x_later = ((1 - at) * epsilon[row] + at * chunk[row] for at in (s, later))
        reached = x_s + (end - s) * velocity(s, row)
        target = x_later + (end - later) * velocity(later, row)
        total = total + (reached - target).square().mean()
        if later < end:
            total = total + 0.3 * (velocity(s, row) - velocity(later, row)).square().mean()
    torch.testing.assert_close(learner.cloning_loss(condition, chunk, draws()).detach(), total / 40)


@pytest.mark.parametrize("hold_target", [False, True])
def test_gradients_pass_through_the_second_place_unless_it_is_held(hold_target):
    policy = small_policy(demonstrations(), diffusion=FLOW)
    shift = nn.Parameter(torch.zeros(()))
    policy.denoiser = Answers(lambda x, t: torch.zeros_like(x) + shift)
    learner = training(policy, segments=1, delta=0.5, velocity_weight=0.0, hold_target=hold_target)
    learner.trained_policy = policy
    shift.requires_grad_(True)
    chunk = torch.zeros(4000, *policy.chunk_shape)
    loss = learner.cloning_loss(torch.zeros(4000, 1), chunk, draws())
    # reached - target = (t - r) epsilon - t shift + r shift', where shift' is shift, or a constant.
    drawn = draws()
    epsilon, t = drawn.normal(*chunk.shape), 1 - drawn.uniform(4000)
    gone = t - (t - 0.5).clamp(min=0)
    expected = (-2 * (gone * (t if hold_target else gone))[:, None, None] * epsilon).mean()
    torch.testing.assert_close(torch.autograd.grad(loss, shift)[0], expected, rtol=1e-4, atol=1e-6)


def test_one_segment_learns_the_one_step_map_from_samples_alone():
    """That of N(0.2, 0.4²) is z ↦ 0.2 + 0.4 z; the mean in its place would err by 0.8 standard deviations."""
    generator, steps = torch.Generator().manual_seed(0), 500
    policy = small_policy(demonstrations(), diffusion=FLOW, **PLANE)
    learner = training(policy, steps=steps, segments=1, delta=0.1, hold_target=True, optimiser={"learning_rate": 5e-3})
    optimiser = Optimiser(policy.denoiser.parameters(), learner.settings.optimiser, steps)
    drawn, condition = Draws(CPU, generator), torch.zeros(256, policy.encoder.condition_dim)
    for step in range(steps):
        x0 = 0.2 + 0.4 * torch.randn(256, 1, 2, generator=generator)
        optimiser.step(learner.cloning_loss(condition, x0, drawn), step)
    noise = torch.randn(1000, 1, 2, generator=generator)
    with torch.no_grad():
        got = Sampler(policy, learner.sampling).chunk(torch.zeros(1000, policy.encoder.condition_dim), noise)
    assert (got - 0.2 - 0.4 * noise).abs().mean().item() < 0.4 * 0.4


def test_another_process_is_refused():
    for kind in ("discrete", "meanflow"):
        with pytest.raises(SettingsError, match=f"'flowpolicy' trains the process 'flow', not '{kind}'"):
            training(small_policy(demonstrations(), diffusion={"kind": kind}))
