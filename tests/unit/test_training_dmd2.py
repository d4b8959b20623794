"""DMD2: its gradient, what the discriminator sees and moves, and where students of right and wrong teachers go."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from helpers.mixture import MixtureTeacher, mixture_training, mode_statistics, plane_policy, posterior_mean
from helpers.training import demonstrations, small_policy, training_of, windows_of
from sdm_training.distillers.dmd2 import Dmd2, Dmd2Settings
from sdm_training.distillers.sdm import GradientSettings, generator_gradient
from sdm_training.method_parts.discriminator import features
from sdm_training.method_parts.score_distillation import Comparison
from sdm_training.processes.edm import Edm
from sdm_training.settings import build
from sdm_training.training.single import Training
from torch import Tensor

OPTIMISERS: dict[str, Any] = {
    "generator_optimiser": {"learning_rate": 1e-3},
    "critic_optimiser": {"learning_rate": 1e-3},
}
EDM: dict[str, Any] = {"kind": "edm"}


def dmd2(diffusion: dict[str, Any] | None = None, **changes: object) -> Training:
    data = demonstrations()
    policy = small_policy(data, diffusion=diffusion)
    settings = build(Dmd2Settings, {"steps": 8, "batch": 6, "update_ratio": 2, **OPTIMISERS, **changes})
    windows = windows_of(data, policy)
    return training_of(Dmd2(settings, policy, len(windows)), windows)


def learner_of(run: Training) -> Dmd2:
    assert isinstance(run.learner, Dmd2)
    return run.learner


def test_the_gradient_is_that_of_sdm_with_a_samples_own_scale():
    learner = learner_of(dmd2())
    a_g, a_t, x0_teacher, x0_critic = torch.randn(4, 9, 4, 2)
    compared = Comparison(torch.arange(9), a_t, x0_teacher, x0_critic)
    expected = generator_gradient(
        learner.teacher.process, GradientSettings(weight="x0", normalisation="per_sample"), a_g, compared
    )
    torch.testing.assert_close(learner.gradient(a_g, compared), expected)


def test_the_discriminator_sees_chunks_as_the_process_shows_them_to_a_network():
    policy = small_policy(demonstrations(), diffusion=EDM)
    process, sigmas = policy.process, torch.tensor([0.1, 1.0, 20.0])
    assert isinstance(process, Edm)
    x, condition = torch.randn(3, *policy.chunk_shape), torch.randn(3, policy.encoder.condition_dim)
    scaled = x / (sigmas[:, None, None] ** 2 + process.settings.sigma_data**2).sqrt()
    expected = policy.denoiser.features(scaled, process.embedded(sigmas)[:, None], condition)
    torch.testing.assert_close(features(process, policy.denoiser, x, sigmas, condition), expected)


PARTS = ("student.encoder", "student.denoiser", "teacher", "critic", "discriminator")


def moved(run: Training, index: int) -> set[str]:
    before = {part: copy.deepcopy(run.learner.get_submodule(part).state_dict()) for part in PARTS}
    run.step(index)
    after = {part: run.learner.get_submodule(part).state_dict() for part in PARTS}
    return {part for part in PARTS if any(not torch.equal(before[part][k], after[part][k]) for k in after[part])}


@pytest.mark.parametrize("diffusion", [None, EDM])
@pytest.mark.parametrize(("encoder", "generator"), [("frozen", PARTS[1:2]), ("trained", PARTS[:2])])
def test_the_generator_moves_every_second_step_and_critic_and_discriminator_in_each(encoder, generator, diffusion):
    run = dmd2(diffusion, encoder=encoder)
    assert [moved(run, index) for index in range(4)] == [
        {*generator, "critic", "discriminator"} if index % 2 == 0 else {"critic", "discriminator"} for index in range(4)
    ]


def test_the_discriminators_term_reaches_critic_and_head_in_one_update_and_the_generator_in_the_other():
    run = dmd2()
    learner, batch = learner_of(run), run.feed.batch()
    chunks = learner.generated(batch, run.draws)
    realism = learner.realism(chunks, batch, run.draws).sum()
    student, critic = list(learner.student.denoiser.parameters()), dict(learner.critic.named_parameters())
    head = list(learner.discriminator.parameters())
    judging = [parameter for name, parameter in critic.items() if not name.startswith("outputs")]
    gradients = torch.autograd.grad(realism, [*student, *judging, *head])
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
    loss, _ = learner("critic", batch, run.draws)
    loss.backward()
    assert all(parameter.grad is None for parameter in (*learner.student.parameters(), *learner.teacher.parameters()))
    assert all(parameter.grad is not None for parameter in (*critic.values(), *head))


def test_without_weight_the_discriminator_changes_nothing_for_the_generator():
    slopes = []
    for weight in (0.0, 1.0):
        run = dmd2(generator_adversarial=weight)
        loss, _ = run.learner("generator", run.feed.batch(), run.draws)
        slopes.append(torch.autograd.grad(loss, list(learner_of(run).student.denoiser.parameters())))
    # The critic is the teacher still, so the scores' gradient is zero.
    assert all(slope.abs().max() == 0 for slope in slopes[0])
    assert any(slope.abs().max() > 0 for slope in slopes[1])


def test_without_either_weight_there_is_no_discriminator():
    run = dmd2(generator_adversarial=0, critic_adversarial=0)
    assert not hasattr(run.learner, "discriminator")
    assert [update.modules for update in run.learner.updates] == [("student.denoiser",), ("critic",)]
    assert run.step(0).keys() == {"gap", "critic_loss"}


BIAS = torch.tensor([[[0.2, -0.2]]])


class Teacher(MixtureTeacher):
    """The exact posterior mean of the mixture, moved by `bias`."""

    bias = torch.zeros(1, 1, 2)

    def predict_x0(self, x: Tensor, levels: Tensor, condition: Tensor, clip: bool | None = None) -> Tensor:
        alpha, _ = self.process.alpha_sigma(levels)
        return self.bias + posterior_mean(self.process, x - alpha * self.bias, levels)


def distilled(bias: Tensor, weight: float, steps: int) -> tuple[float, Tensor, Tensor]:
    """A student of the mixture's demonstrations and a teacher whose modes are all moved by `bias`: the share of its
    chunks in the first mode, its modes' distances [2, 2] from the demonstrations' and their spreads."""
    policy, windows = plane_policy()
    settings = build(
        Dmd2Settings,
        {
            "steps": steps,
            "batch": 128,
            "update_ratio": 3,
            "generator_adversarial": weight,
            "critic_adversarial": 1.0,
            "generator_optimiser": {"learning_rate": 1.5e-3, "betas": [0.0, 0.99]},
            "critic_optimiser": {"learning_rate": 2e-3, "betas": [0.5, 0.99]},
        },
    )
    torch.manual_seed(0)
    learner = Dmd2(settings, policy, len(windows))
    teacher = Teacher(policy.settings, policy.contract)
    teacher.load_state_dict(policy.state_dict())
    teacher.bias = bias
    learner.teacher = teacher.requires_grad_(False)
    run = mixture_training(learner, windows)
    for index in range(settings.steps):
        run.step(index)
    batch = windows.batch(torch.zeros(2000, dtype=torch.long))
    with torch.no_grad():
        chunks = learner.generate(run.draws.normal(2000, 1, 2), learner.condition(learner.teacher, batch))
    share, modes = mode_statistics(chunks)
    return share, torch.stack([mean - centre for centre, mean, _ in modes]), torch.stack([std for _, _, std in modes])


@pytest.mark.slow
def test_the_student_of_a_right_teacher_makes_both_modes():
    share, off, std = distilled(torch.zeros(1, 1, 2), weight=3e-3, steps=1200)
    assert share == pytest.approx(0.5, abs=0.15)
    assert off.abs().max() < 0.1
    assert std.min() > 0.05
    assert std.max() < 0.22


def test_the_discriminator_draws_the_student_of_a_wrong_teacher_to_the_demonstrations():
    share, off, _ = distilled(BIAS, weight=3.0, steps=600)
    assert share == pytest.approx(0.5, abs=0.15)
    assert off.norm(dim=1).max() < 0.6 * BIAS.norm()
