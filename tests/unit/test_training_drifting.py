"""Drifting policies: what its field must do, and both modes of a mixture learnt without a teacher."""

from __future__ import annotations

import pytest
import torch
from helpers.mixture import PLANE, STD, mode_statistics, sample
from helpers.training import CPU, demonstrations, small_policy
from sdm_training.distillers.drifting import Drifting, DriftingSettings, drifting_field
from sdm_training.draws import Draws
from sdm_training.method_parts.optimiser import Optimiser
from sdm_training.policy.policy import Policy
from sdm_training.policy.process import same_level
from sdm_training.policy.sampling import Sampler
from sdm_training.settings import SettingsError, build
from torch import Tensor

TEMPERATURES = (0.02, 0.05, 0.2)


def drifting(policy: Policy, **changes: object) -> Drifting:
    values = {
        "steps": 800,
        "draws": 4,
        "anchor_weight": 0.0,
        "optimiser": {"learning_rate": 3e-3, "warmup_steps": 20},
        **changes,
    }
    return Drifting(build(DriftingSettings, values), policy, 1)


def draws(seed: int = 0) -> Draws:
    return Draws(CPU, torch.Generator().manual_seed(seed))


def test_one_observations_field_written_out():
    generated, demonstrated = torch.tensor([[[0.0, 0.0], [1.0, 0.0]]]), torch.tensor([[[0.0, 3.0]]])
    drift, scale = drifting_field(generated, demonstrated, (0.5,))
    # Of both chunks to each other, and to the demonstration.
    distances = [1.0, 1.0, 3.0, 10**0.5]
    mean = sum(distances) / 4
    assert scale.item() == pytest.approx(mean / 2**0.5)
    kernel = {d: torch.exp(torch.tensor(-d / mean / 0.5)) for d in distances}
    near, far = kernel[3.0], kernel[10**0.5]
    forces = []
    for drawn, other, rival in ((near, far, generated[0, 1]), (far, near, generated[0, 0])):
        rows = drawn + kernel[1.0]
        attraction = (drawn / rows * drawn / (drawn + other)).sqrt()
        # The other chunk alone is drawn to this one.
        repulsion = (kernel[1.0] / rows).sqrt()
        forces.append(attraction * repulsion * (demonstrated[0, 0] - rival) / scale)
    expected = torch.stack(forces)
    torch.testing.assert_close(drift[0], expected / expected.square().mean().sqrt())


def test_chunks_repel_each_other():
    """One demonstration between two chunks draws them together, and they drive each other apart twice as much."""
    drift, _ = drifting_field(torch.tensor([[[0.1], [-0.1]]]), torch.zeros(1, 1, 1), (0.2,))
    torch.testing.assert_close(drift, torch.tensor([[[1.0], [-1.0]]]))


def test_chunks_far_from_the_demonstration_are_drawn_to_it():
    generated, demonstrated = 0.01 * torch.randn(5, 4, 3), torch.ones(5, 1, 3)
    drift, scale = drifting_field(generated, demonstrated, TEMPERATURES)
    moved = generated + scale * drift
    assert ((moved - 1).norm(dim=-1).mean() < (generated - 1).norm(dim=-1).mean()).all()
    assert (drift.mean(dim=1) > 0).all()


def test_chunks_of_a_mode_of_their_own_hardly_follow_another_ones_demonstration():
    generated = torch.tensor([[[0.9], [1.0], [1.1], [-0.8], [-1.0], [-1.2]]])
    drift, _ = drifting_field(generated, torch.tensor([[[1.3]]]), (0.05,))
    assert drift[0, 2].item() > 10 * drift[0, 3:].abs().max().item()


def test_the_field_scales_with_the_chunks_and_is_nothing_for_equal_ones():
    generated, demonstrated = torch.randn(5, 4, 3), torch.randn(5, 1, 3)
    drift, scale = drifting_field(generated, demonstrated, TEMPERATURES)
    moved, larger = drifting_field(7 * generated + 2, 7 * demonstrated + 2, TEMPERATURES)
    torch.testing.assert_close(moved, drift, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(larger, 7 * scale)
    equal, _ = drifting_field(torch.ones(5, 4, 3), torch.ones(5, 1, 3), TEMPERATURES)
    torch.testing.assert_close(equal, torch.zeros(5, 4, 3))


def test_forces_alone_spread_long_chunks_about_their_one_demonstration():
    """And keep short ones near it, which have others on every side."""

    def spread(dimensions: int) -> float:
        generated = torch.randn(100, 16, dimensions)
        before = generated.norm(dim=-1).mean()
        for _ in range(30):
            drift, scale = drifting_field(generated, torch.zeros(100, 1, dimensions), TEMPERATURES)
            generated = generated + 0.05 * scale * drift
        return (generated.norm(dim=-1).mean() / before).item()

    assert spread(2) < 1 < 5 < spread(32)


def test_the_loss_moves_chunks_along_the_field():
    policy = small_policy(demonstrations())
    learner = drifting(policy)
    condition, chunk = torch.randn(8, policy.encoder.condition_dim), torch.randn(2, *policy.chunk_shape)
    chunk = chunk.repeat_interleave(4, 0)
    learner.trained_policy = policy
    loss = learner.cloning_loss(condition, chunk, draws())
    noise, level = draws().normal(*chunk.shape), same_level(chunk, policy.process.noisiest)
    generated = policy.predict_x0(noise, level, condition, clip=False)
    flat = generated.reshape(2, 4, -1)
    drift, scale = drifting_field(flat.detach(), chunk.reshape(2, 4, -1)[:, :1], TEMPERATURES)
    torch.testing.assert_close(loss, drift.square().mean())
    parameters = list(policy.denoiser.parameters())
    got = torch.autograd.grad(loss, parameters)
    expected = torch.autograd.grad(flat, parameters, -2 * drift / (scale * drift.numel()))
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-6)


def test_the_anchor_is_a_regression_of_the_demonstration():
    policy = small_policy(demonstrations())
    condition, chunk = torch.randn(8, policy.encoder.condition_dim), torch.randn(8, *policy.chunk_shape)

    def loss(weight: float) -> Tensor:
        return drifting(policy, anchor_weight=weight).cloning_loss(condition, chunk, draws())

    with torch.no_grad():
        level = same_level(chunk, policy.process.noisiest)
        generated = policy.predict_x0(draws().normal(*chunk.shape), level, condition, clip=False)
        flat = generated.reshape(2, 4, -1)
        _, scale = drifting_field(flat, chunk.reshape(2, 4, -1)[:, :1], TEMPERATURES)
        torch.testing.assert_close(loss(0.5) - loss(0.0), 0.5 * ((generated - chunk) / scale).square().mean())


def test_a_generator_learns_a_mixture_without_a_teacher():
    generator = torch.Generator().manual_seed(0)
    policy = small_policy(demonstrations((3,)), **PLANE)
    learner = drifting(policy)
    optimiser = Optimiser(policy.denoiser.parameters(), learner.settings.optimiser, learner.steps)
    condition, drawn = torch.zeros(256, policy.encoder.condition_dim), Draws(CPU, generator)
    for index in range(learner.steps):
        chunk = sample(64, generator).repeat_interleave(4, 0)
        optimiser.step(learner.cloning_loss(condition, chunk, drawn), index)
    noise = torch.randn(2000, 1, 2, generator=generator)
    with torch.no_grad():
        made = Sampler(policy, learner.sampling).chunk(torch.zeros(2000, policy.encoder.condition_dim), noise)
    share, modes = mode_statistics(made)
    assert share == pytest.approx(0.5, abs=0.15)
    for centre, mean, std in modes:
        torch.testing.assert_close(mean, centre, rtol=0, atol=0.1)
        torch.testing.assert_close(std, torch.full((2,), STD), rtol=0, atol=0.1)


def test_a_chunk_without_others_is_refused():
    with pytest.raises(SettingsError, match="draws is 1: generated chunks repel each other, so give 2 or more"):
        drifting(small_policy(demonstrations()), draws=1)
