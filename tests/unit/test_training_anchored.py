"""Our recipe: each term alone and left out, who gets gradients, and the teacher's own map where it is known."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from helpers.mixture import STD, mixture_training, mode_statistics, plane_policy, posterior_mean
from helpers.training import CPU, demonstrations, small_policy, training_of, windows_of
from sdm_training.distillers.anchored import Anchored, AnchoredSettings, distance
from sdm_training.distillers.sdm import Sdm, SdmSettings
from sdm_training.draws import Draws
from sdm_training.policy.process import Process
from sdm_training.settings import SettingsError, build
from sdm_training.training.single import Training
from torch import Tensor, nn

OPTIMISERS: dict[str, Any] = {
    "generator_optimiser": {"learning_rate": 1e-3},
    "critic_optimiser": {"learning_rate": 1e-3},
}
ALONE: dict[str, dict[str, Any]] = {
    "matching": {"anchor": {"weight": 0}, "demonstration": {"weight": 0}},
    "anchor": {"matching_weight": 0, "demonstration": {"weight": 0}},
    "demonstration": {"matching_weight": 0, "anchor": {"weight": 0}},
}


def anchored(diffusion: dict[str, Any] | None = None, **changes: object) -> Training:
    data = demonstrations()
    policy = small_policy(data, diffusion=diffusion)
    settings = build(AnchoredSettings, {"steps": 8, "batch": 6, "update_ratio": 2, **OPTIMISERS, **changes})
    windows = windows_of(data, policy)
    return training_of(Anchored(settings, policy, len(windows)), windows)


def learner_of(run: Training) -> Anchored:
    assert isinstance(run.learner, Anchored)
    return run.learner


def generator_loss(run: Training) -> Tensor:
    return run.learner("generator", run.feed.batch(), Draws(CPU, torch.Generator().manual_seed(0)))[0]


@pytest.mark.parametrize("encoder", ["frozen", "trained"])
@pytest.mark.parametrize("term", ALONE)
def test_each_term_reaches_the_generator_alone(term, encoder):
    run = anchored(encoder=encoder, **ALONE[term])
    learner = learner_of(run)
    if term == "matching":  # the critic is the teacher still: the gradient would be zero
        torch.nn.init.normal_(next(learner.critic.parameters()))
    generator_loss(run).backward()
    gradients = {name: parameter.grad for name, parameter in learner.named_parameters() if parameter.grad is not None}
    own = ("student.denoiser.", "student.encoder.") if encoder == "trained" else ("student.denoiser.",)
    assert all(name.startswith(own) for name in gradients)
    for part in own:
        assert any(gradient.abs().sum() > 0 for name, gradient in gradients.items() if name.startswith(part))


@pytest.mark.parametrize(
    ("changes", "parts", "updates"),
    [
        ({}, {"critic"}, {"generator", "critic"}),
        ({"generator_adversarial": 0.1}, {"critic", "discriminator"}, {"generator", "critic"}),
        ({"matching_weight": 0}, set(), {"generator"}),
    ],
)
def test_a_term_without_weight_is_left_out_with_its_networks(changes, parts, updates):
    learner = learner_of(anchored(**changes))
    present = {name for name, _ in learner.named_children()}
    assert present & {"critic", "discriminator"} == parts
    assert {update.name for update in learner.updates} == updates


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_only_an_anchor_with_weight_samples_the_teacher(weight, monkeypatch):
    run, sampled = anchored(anchor={"weight": weight}), []
    sample = learner_of(run).teacher.process.sample

    def counted(*given: Any) -> Tensor:
        sampled.append(given)
        return sample(*given)

    monkeypatch.setattr(learner_of(run).teacher.process, "sample", counted)
    generator_loss(run)
    assert len(sampled) == bool(weight)


def test_the_matching_alone_is_sdms():
    run = anchored(**ALONE["matching"])
    learner, batch = learner_of(run), run.feed.batch()
    settings = build(SdmSettings, {"steps": 8, "batch": 6, **OPTIMISERS})
    reference = Sdm(settings, learner.teacher, 14)
    torch.nn.init.normal_(next(learner.critic.parameters()))
    reference.critic.load_state_dict(learner.critic.state_dict())
    losses = [
        part("generator", batch, Draws(CPU, torch.Generator().manual_seed(0)))[0] for part in (learner, reference)
    ]
    assert losses[0] != 0
    torch.testing.assert_close(*losses)


def test_the_anchor_is_the_teachers_sample_from_the_same_noise():
    run = anchored(**ALONE["anchor"])
    learner, batch = learner_of(run), run.feed.batch()
    got, _ = learner("generator", batch, Draws(CPU, torch.Generator().manual_seed(0)))
    assert batch.condition is not None
    noise = Draws(CPU, torch.Generator().manual_seed(0)).normal(6, *learner.teacher.chunk_shape)
    teacher = learner.teacher.process.sample(learner.teacher.denoiser, noise, batch.condition, 10)
    expected = distance(learner.generate(noise, batch.condition), teacher).mean()
    torch.testing.assert_close(got, expected)


def test_a_distance_pulls_every_chunk_with_one_force():
    target = torch.randn(5, 4, 2)
    a_g = (target + torch.tensor([0.01, 0.1, 1, 3, 10])[:, None, None]).requires_grad_()
    (gradient,) = torch.autograd.grad(distance(a_g, target).sum(), a_g)
    torch.testing.assert_close(gradient, torch.full_like(gradient, 1 / 8), rtol=1e-2, atol=0)


def test_the_demonstration_pulls_what_is_near_it_alone():
    run = anchored(**{**ALONE["demonstration"], "demonstration": {"weight": 1.0, "reach": 0.1}})
    learner, batch = learner_of(run), run.feed.batch()
    with torch.no_grad():
        a_g = learner.generated(batch, Draws(CPU, torch.Generator().manual_seed(0)))
    pulls = []
    for offset in (0.05, 1.0):
        moved = batch._replace(
            action=learner.teacher.action_middle + (a_g + offset) * learner.teacher.action_half_range
        )
        loss, scalars = learner("generator", moved, Draws(CPU, torch.Generator().manual_seed(0)))
        slopes = torch.autograd.grad(loss, list(learner.student.denoiser.parameters()))
        pulls.append(sum(slope.abs().sum() for slope in slopes))
        assert scalars["nearness"].item() == pytest.approx(math.exp(-((offset / 0.1) ** 2) / 2), rel=1e-2)
    assert pulls[0] > 1e3 * pulls[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"matching_weight": 0, "generator_adversarial": 0.1}, "generator_adversarial needs the critic"),
        ({**ALONE["matching"], "matching_weight": 0}, "are all 0"),
        ({"anchor": {"nfe": {"edm": 19}}}, r"anchor\.nfe says nothing of the process 'discrete'"),
    ],
)
def test_settings_that_leave_nothing_to_learn_are_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        anchored(**changes)


def test_step_counts_that_the_anchor_cannot_take_are_refused_before_the_training():
    with pytest.raises(SettingsError, match=r"^10 network calls asked of EDM: .* give 1, 3, 5"):
        anchored({"kind": "edm"}, anchor={"nfe": 10})
    anchored({"kind": "edm"}, anchor={"nfe": 10, "weight": 0})  # which never samples


class ExactDenoiser(nn.Module):
    """The mixture's posterior mean as a network that predicts x0."""

    def __init__(self, process: Process) -> None:
        super().__init__()
        self.process = process

    def forward(self, noisy: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        return posterior_mean(self.process, noisy, times[:, 0])


@pytest.mark.parametrize("term", ["anchor", "all"])
def test_the_student_learns_the_teachers_own_map(term):
    """From the teacher's one step, which is the modes' mean, to the very chunks of its ten, both modes in balance."""
    policy, windows = plane_policy()
    settings = build(
        AnchoredSettings,
        {
            "steps": 400,
            "batch": 128,
            "update_ratio": 2,
            "generator_optimiser": {"learning_rate": 1.5e-3, "betas": [0.0, 0.99]},
            "critic_optimiser": {"learning_rate": 2e-3, "betas": [0.5, 0.99]},
            "ema": {"max_decay": 0.98},
            **ALONE.get(term, {}),
        },
    )
    learner = Anchored(settings, policy, len(windows))
    learner.teacher.denoiser = ExactDenoiser(policy.process)
    run = mixture_training(learner, windows)
    batch = windows.batch(torch.zeros(2000, dtype=torch.long))
    noise = torch.randn(2000, 1, 2, generator=torch.Generator().manual_seed(1))

    @torch.no_grad()
    def generated() -> Tensor:
        return learner.generate(noise, learner.condition(learner.teacher, batch))

    teachers = learner.teachers(noise, batch)
    before = distance(generated(), teachers).mean()
    for index in range(settings.steps):
        run.step(index)
    learner.student = learner.average
    chunks = generated()
    assert before > 2 * STD
    assert distance(chunks, teachers).mean() < 0.3 * STD
    share, modes = mode_statistics(chunks)
    assert share == pytest.approx(mode_statistics(teachers)[0], abs=0.03)
    for centre, mean, _ in modes:
        torch.testing.assert_close(mean, centre, rtol=0, atol=0.06)
