"""SDM: the sign of Eq. 3–4, who gets gradients, and convergence where the target's scores are known in closed form."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
import torch
from helpers.mixture import STD, exact, mode_statistics, plane_policy
from helpers.training import CPU, demonstrations, small_policy, training_of, windows_of
from sdm_training.distillers.sdm import GradientSettings, Sdm, SdmSettings, generator_gradient
from sdm_training.draws import Draws
from sdm_training.method_parts.score_distillation import Comparison, NoiseLevels, score
from sdm_training.policy.process import Process
from sdm_training.processes.discrete import Discrete, DiscreteSettings
from sdm_training.settings import SettingsError, build
from sdm_training.training.single import Training
from torch import Tensor

OPTIMISERS = {"generator_optimiser": {"learning_rate": 1e-3}, "critic_optimiser": {"learning_rate": 1e-3}}
PROCESS = Discrete(DiscreteSettings())


def gaussian_x0(process: Process, x_t: Tensor, levels: Tensor, mean: float, std: float = 1.0) -> Tensor:
    """Posterior mean of x0 for N(mean, std²)."""
    alpha, sigma = process.alpha_sigma(levels)
    return mean + alpha * std**2 * (x_t - alpha * mean) / (alpha**2 * std**2 + sigma**2)


def sdm(seed: int = 0, steps: int = 20, **changes: object) -> Training:
    data = demonstrations()
    policy = small_policy(data, seed)
    settings = build(SdmSettings, {"steps": steps, "batch": 8, "update_ratio": 2, **OPTIMISERS, **changes})
    windows = windows_of(data, policy)
    return training_of(Sdm(settings, policy, len(windows)), windows, seed)


def test_score_of_a_gaussian_is_exact():
    x_t, timesteps = torch.randn(50, 1, 1), torch.arange(5, 55)
    alpha, sigma = PROCESS.alpha_sigma(timesteps)
    expected = -(x_t - alpha * 2) / (alpha**2 + sigma**2)
    got = score(PROCESS, x_t, gaussian_x0(PROCESS, x_t, timesteps, 2.0), timesteps)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("weight", "normalisation"),
    [*itertools.product(["score", "x0", "variance"], ["per_sample", "none"]), ("score", "batch")],
)
def test_one_step_moves_the_generator_towards_the_teacher(weight, normalisation):
    """Teacher N(0, 1), generator N(2, 1): descending Eq. 4's gradient must lower the generator's mean."""
    generator = torch.Generator().manual_seed(0)
    mean = torch.tensor(2.0, requires_grad=True)
    a_g = mean + torch.randn(512, 1, 1, generator=generator)
    timesteps = torch.randint(100, (512,), generator=generator)
    a_t = PROCESS.add_noise(a_g.detach(), torch.randn(512, 1, 1, generator=generator), timesteps)
    gradient = generator_gradient(
        PROCESS,
        GradientSettings(weight=weight, normalisation=normalisation),
        a_g.detach(),
        Comparison(
            timesteps,
            a_t,
            gaussian_x0(PROCESS, a_t, timesteps, 0.0),
            gaussian_x0(PROCESS, a_t, timesteps, 2.0),
        ),
    )
    (slope,) = torch.autograd.grad((gradient * a_g).mean(), mean)
    assert (mean - 0.1 * slope).item() < 2.0


def test_the_gradient_is_the_difference_of_the_scores():
    a_t, x0_teacher, x0_critic = (torch.randn(40, 4, 2) for _ in range(3))
    timesteps = torch.arange(30, 70)
    settings = GradientSettings(weight="score", normalisation="none")
    got = generator_gradient(PROCESS, settings, a_t, Comparison(timesteps, a_t, x0_teacher, x0_critic))
    expected = score(PROCESS, a_t, x0_critic, timesteps) - score(PROCESS, a_t, x0_teacher, timesteps)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("normalisation", ["per_sample", "none"])
def test_the_weight_scales_the_gradient_of_each_timestep(normalisation):
    a_g, a_t, x0_teacher, x0_critic = (torch.randn(40, 4, 2) for _ in range(4))
    timesteps = torch.arange(30, 70)

    def weighted(weight: str) -> Tensor:
        settings = build(GradientSettings, {"weight": weight, "normalisation": normalisation})
        return generator_gradient(PROCESS, settings, a_g, Comparison(timesteps, a_t, x0_teacher, x0_critic))

    alpha, sigma = PROCESS.alpha_sigma(timesteps)
    torch.testing.assert_close(weighted("score") / weighted("x0"), (alpha / sigma**2).expand_as(a_g))
    torch.testing.assert_close(weighted("variance") / weighted("x0"), alpha.expand_as(a_g))


def test_the_batch_normalisation_is_refused_for_other_weights_than_the_score():
    with pytest.raises(SettingsError, match='"batch" belongs to weight "score", not to "x0"'):
        build(GradientSettings, {"weight": "x0", "normalisation": "batch"})


def gradients(module: torch.nn.Module) -> list[Tensor | None]:
    return [parameter.grad for parameter in module.parameters()]


def back_propagated(run: Training, update: str) -> Sdm:
    """The learner after one backward pass of a loss on the next batch."""
    loss, _ = run.learner(update, run.feed.batch(), run.draws)
    loss.backward()
    assert isinstance(run.learner, Sdm)
    return run.learner


@pytest.mark.parametrize("encoder", ["frozen", "trained"])
def test_the_generators_loss_reaches_the_generator_alone(encoder):
    learner = back_propagated(sdm(encoder=encoder), "generator")
    assert all(gradient is None for gradient in gradients(learner.teacher) + gradients(learner.critic))
    assert all(gradient is not None for gradient in gradients(learner.student.denoiser))
    assert all((gradient is not None) == (encoder == "trained") for gradient in gradients(learner.student.encoder))


@pytest.mark.parametrize("encoder", ["frozen", "trained"])
def test_the_critics_loss_reaches_the_critic_alone(encoder):
    learner = back_propagated(sdm(encoder=encoder), "critic")
    assert all(gradient is None for gradient in gradients(learner.teacher) + gradients(learner.student))
    assert all(gradient is not None for gradient in gradients(learner.critic))


@pytest.mark.parametrize(("update", "other"), [("generator", "critic"), ("critic", "generator")])
def test_each_loss_has_its_own_scale(update, other):
    """λ of Eq. 5 and γ of Eq. 6."""

    def loss(**scales: Any) -> Tensor:
        run = sdm(**scales)
        torch.nn.init.normal_(next(run.learner.get_submodule("critic").parameters()))  # the teacher still: no gradient
        return run.learner(update, run.feed.batch(), run.draws)[0]

    once = loss()
    assert once != 0
    torch.testing.assert_close(loss(**{f"{update}_scale": 3.0}), 3 * once)
    torch.testing.assert_close(loss(**{f"{other}_scale": 3.0}), once)


def test_the_generator_moves_only_every_c_th_step_and_the_critic_in_each():
    run = sdm(update_ratio=3)
    run.step(0)  # the critic is the teacher still: the generator's gradient is zero
    parts = [run.learner.get_submodule(name) for name in ("student", "critic", "teacher")]
    moved = []
    for index in range(1, 7):
        before = [copy.deepcopy(part.state_dict()) for part in parts]
        run.step(index)
        after = [part.state_dict() for part in parts]
        moved.append([any(not torch.equal(a[k], b[k]) for k in a) for a, b in zip(before, after, strict=True)])
    assert moved == [[index % 3 == 0, True, False] for index in range(1, 7)]


def test_a_generator_from_scratch_shares_nothing_with_the_teacher_but_the_encoder():
    torch.manual_seed(1)
    learner = sdm(start="scratch").learner
    assert isinstance(learner, Sdm)
    same = [torch.equal(a, b) for a, b in zip(learner.student.parameters(), learner.teacher.parameters(), strict=True)]
    encoder = len(list(learner.teacher.encoder.parameters()))
    assert all(same[:encoder])
    assert not any(same[encoder:])


def test_noise_levels_draw_the_ddim_grid():
    draws = Draws(CPU, torch.Generator().manual_seed(0))
    levels = NoiseLevels(low=9, high=99, stride=10).draw(1000, draws)
    assert sorted(set(levels.tolist())) == [9, 19, 29, 39, 49, 59, 69, 79, 89, 99]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"generator_level": 100}, "generator_level 100 is no timestep: they are 0, 1, … 99"),
        ({"noise_levels": {"low": 0, "high": 100}}, "noise_levels 100 is no timestep: they are 0, 1, … 99"),
        ({"noise_levels": {"low": 9, "high": 3}}, "noise_levels.low 9 lies above high 3"),
        ({"noise_levels": {"stride": 0}}, r"noise_levels.*stride.*greater than 0 \(given: 0\)"),
        ({"generator_level": 65.7}, "generator_level 65.7 is no timestep"),
        ({"generator_level": {"ddpm": 65}}, "processes: unknown kind 'ddpm'"),
        ({"update_ratio": 0}, r"'update_ratio': .*greater than 0 \(given: 0\)"),
    ],
)
def test_levels_outside_the_process_and_senseless_counts_are_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        sdm(**changes)


@pytest.mark.parametrize("kind", ["two_pass", "consistency_model"])
def test_a_teacher_without_scores_is_refused(kind):
    data = demonstrations()
    policy = small_policy(data, diffusion={"kind": kind})
    with pytest.raises(SettingsError, match=f"sdm compares scores, and a teacher of the process '{kind}' has none"):
        Sdm(build(SdmSettings, OPTIMISERS), policy, len(windows_of(data, policy)))


def test_the_generator_converges_to_a_mixture_with_known_scores():
    """From a network that one step takes to the mixture's mean, SDM makes both modes with their weights and widths."""
    policy, windows = plane_policy()
    settings = build(
        SdmSettings,
        {
            "steps": 1000,
            "batch": 256,
            "update_ratio": 3,
            "gradient": {"weight": "x0", "normalisation": "none"},
            "generator_optimiser": {"learning_rate": 1e-3, "betas": [0.0, 0.99]},
            "critic_optimiser": {"learning_rate": 2e-3, "betas": [0.5, 0.99]},
        },
    )
    learner = Sdm(settings, policy, len(windows))
    learner.teacher = exact(policy)
    run = training_of(learner, windows)
    before = generated(learner, run)
    assert (before[:, 0].abs().amax(1) < 0.3).float().mean() > 0.8, (
        "one step of the teacher is near the mean of the modes"
    )
    for index in range(settings.steps):
        run.step(index)
    share, modes = mode_statistics(generated(learner, run))
    assert share == pytest.approx(0.5, abs=0.1)
    for centre, mean, std in modes:
        torch.testing.assert_close(mean, centre, rtol=0, atol=0.06)
        torch.testing.assert_close(std, torch.full((2,), STD), rtol=0, atol=0.06)


@torch.no_grad()
def generated(learner: Sdm, run: Training) -> Tensor:
    batch = run.feed.windows.batch(torch.zeros(2000, dtype=torch.long))
    condition = learner.teacher.encode(batch.observation)
    return learner.generate(torch.randn(2000, 1, 2, generator=run.generator), condition)
