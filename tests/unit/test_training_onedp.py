"""OneDP: its closed forms, who gets gradients, and where its students go when the teacher's scores are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from helpers.mixture import CENTRES, STD, exact, mode_statistics, plane_policy, posterior_mean
from helpers.training import CPU, demonstrations, small_policy, training_of, windows_of
from sdm_training.distillers.onedp import OneDp, OneDpSettings, generator_gradient
from sdm_training.draws import Draws
from sdm_training.policy.process import Process
from sdm_training.policy.sampling import Sampler
from sdm_training.processes.discrete import Discrete, DiscreteSettings
from sdm_training.processes.edm import Edm, EdmSettings
from sdm_training.settings import SettingsError, build
from sdm_training.training.single import Training
from torch import Tensor, nn

CONFIG = Path(__file__).parents[2] / "config/distiller"
PROCESSES = {"discrete": Discrete(DiscreteSettings()), "edm": Edm(EdmSettings())}
DIFFUSION: dict[str, dict[str, Any]] = {kind: {"kind": kind} for kind in PROCESSES}


def settings_of(method: str, **changes: object) -> OneDpSettings:
    """The shipped settings with changes."""
    return build(OneDpSettings, {**yaml.safe_load((CONFIG / f"{method}.yaml").read_text()), **changes})


def onedp(method: str, diffusion: str = "discrete", **changes: object) -> Training:
    data = demonstrations()
    policy = small_policy(data, diffusion=DIFFUSION[diffusion])
    settings = settings_of(method, **{"steps": 4, "batch": 6, "draws": 2, **changes})
    windows = windows_of(data, policy)
    return training_of(OneDp(settings, policy, len(windows)), windows)


def learner_of(run: Training) -> OneDp:
    assert isinstance(run.learner, OneDp)
    return run.learner


def seeded() -> Draws:
    return Draws(CPU, torch.Generator().manual_seed(3))


class PointMass(nn.Module):
    """The perfect critic of a generator that makes these chunks and no others: their posterior mean at any noise."""

    def __init__(self, chunks: Tensor) -> None:
        super().__init__()
        self.chunks = chunks

    def forward(self, x: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        return self.chunks


def test_the_closed_form_is_that_of_the_stochastic_variant_with_a_perfect_critic():
    deterministic, stochastic = learner_of(onedp("onedp_d")), onedp("onedp_s")
    batch, other = stochastic.feed.batch(), learner_of(stochastic)
    a_g = torch.randn(12, *other.student.chunk_shape)

    def gradient(learner: OneDp) -> Tensor:
        return learner.gradient(a_g, learner.compare(a_g, batch, seeded()))

    own = gradient(other)
    other.critic = PointMass(a_g)
    closed, perfect = gradient(deterministic), gradient(other)
    torch.testing.assert_close(closed, perfect)
    assert not torch.allclose(closed, own), "an imperfect critic gives another gradient"


@pytest.mark.parametrize("kind", PROCESSES)
def test_the_gradient_in_posterior_means_is_eq_5_in_scores_and_eq_8_in_noises(kind):
    process = PROCESSES[kind]
    levels = torch.tensor([2, 30, 65, 95]) if kind == "discrete" else torch.tensor([0.01, 0.3, 2.5, 30.0])
    a_g, epsilon, x0_teacher, x0_critic = torch.randn(4, 4, 8, 4, dtype=torch.float64)
    alpha, sigma = (value.double() for value in process.alpha_sigma(levels))
    a_k = alpha * a_g + sigma * epsilon
    score_teacher, score_critic = ((alpha * x0 - a_k) / sigma**2 for x0 in (x0_teacher, x0_critic))
    eq_5 = sigma**2 * (score_critic - score_teacher) * alpha
    torch.testing.assert_close(generator_gradient(process, x0_critic, x0_teacher, levels).double(), eq_5)
    noise_teacher = (a_k - alpha * x0_teacher) / sigma
    eq_8 = sigma**2 / sigma * (noise_teacher - epsilon) * alpha
    torch.testing.assert_close(generator_gradient(process, a_g, x0_teacher, levels).double(), eq_8)


@pytest.mark.parametrize("kind", PROCESSES)
@pytest.mark.parametrize("std", [1.0, 0.0])
def test_one_step_moves_the_generator_towards_the_teacher(kind, std):
    """Teacher N(0, 1), generator N(2, std²): a Dirac, as OneDP-D's, or a Gaussian with its exact critic."""
    process, draws = PROCESSES[kind], seeded()
    mean = torch.tensor(2.0, requires_grad=True)
    a_g = mean + std * draws.normal(512, 1, 1)
    levels = process.draw_levels(512, draws)
    a_k = process.add_noise(a_g.detach(), draws.normal(512, 1, 1), levels)
    gradient = generator_gradient(
        process,
        gaussian_x0(process, a_k, levels, 2.0, std),
        gaussian_x0(process, a_k, levels, 0.0, 1.0),
        levels,
    )
    (slope,) = torch.autograd.grad((gradient * a_g).mean(), mean)
    assert slope.item() > 0.05


def gaussian_x0(process: Process, a_k: Tensor, levels: Tensor, mean: float, std: float) -> Tensor:
    alpha, sigma = process.alpha_sigma(levels)
    return mean + alpha * std**2 * (a_k - alpha * mean) / (alpha**2 * std**2 + sigma**2)


@pytest.mark.parametrize(("kind", "level"), [("discrete", 65), ("edm", 2.5)])
@pytest.mark.parametrize("method", ["onedp_s", "onedp_d"])
def test_the_shipped_settings_use_the_papers_levels_of_either_process(method, kind, level):
    learner = learner_of(onedp(method, kind))
    assert learner.level == learner.sampling.level == level
    levels = learner.draw_levels(20_000, seeded())
    if kind == "discrete":
        assert (levels.min(), levels.max()) == (2, 95)
    else:
        assert levels.log().mean().item() == pytest.approx(-1.2, abs=0.05)
        assert levels.log().std().item() == pytest.approx(1.2, abs=0.05)
    critic = learner.settings.critic_optimiser
    if critic:
        assert critic.learning_rate == pytest.approx(20 * learner.settings.generator_optimiser.learning_rate)
        assert critic.betas[0] == 0
    assert learner.settings.generator_optimiser.betas[0] == 0


@pytest.mark.parametrize("method", ["onedp_s", "onedp_d"])
def test_only_the_stochastic_student_has_a_critic(method):
    critic = settings_of("onedp_d" if method == "onedp_s" else "onedp_s").critic_optimiser
    with pytest.raises(SettingsError, match=r"OneDP-S needs a critic_optimiser, OneDP-D .* has no critic"):
        settings_of(method, critic_optimiser=critic and critic.model_dump())


def reached(run: Training, update: str) -> set[str]:
    """The parts whose every parameter an update's loss reaches; it must reach no parameter of any other."""
    loss, _ = run.learner(update, run.feed.batch(), run.draws)
    loss.backward()
    parts = {}
    for name, parameter in run.learner.named_parameters():
        path = name.split(".")
        part = ".".join(path[: 2 if path[0] in ("student", "teacher", "critic_encoder") else 1])
        parts.setdefault(part, set()).add(parameter.grad is not None)
    assert all(len(with_gradient) == 1 for with_gradient in parts.values())
    return {part for part, with_gradient in parts.items() if with_gradient == {True}}


@pytest.mark.parametrize("method", ["onedp_s", "onedp_d"])
def test_the_generators_loss_reaches_the_generator_with_its_encoder(method):
    assert reached(onedp(method), "generator") == {"student.denoiser", "student.encoder"}
    assert reached(onedp(method, encoder="frozen"), "generator") == {"student.denoiser"}


def test_the_critics_loss_reaches_the_critic_with_its_encoder():
    assert reached(onedp("onedp_s"), "critic") == {"critic", "critic_encoder.encoder"}
    assert reached(onedp("onedp_s", encoder="frozen"), "critic") == {"critic"}


def test_the_deterministic_student_has_no_critic_and_ignores_the_noise():
    run = onedp("onedp_d")
    learner = learner_of(run)
    assert [update.name for update in learner.updates] == ["generator"]
    assert not [name for name, _ in learner.named_modules() if "critic" in name]
    condition = torch.randn(3, learner.student.encoder.condition_dim)
    noise = torch.randn(2, 3, *learner.student.chunk_shape)
    sampler = Sampler(learner.student, learner.sampling)
    deployed = [sampler.chunk(condition, z * sampler.settings.noise_scale) for z in noise]
    torch.testing.assert_close(deployed[0], deployed[1], rtol=0, atol=0)
    trained = learner.generate(noise[0], condition).clamp(-1, 1)
    torch.testing.assert_close(deployed[0], trained, rtol=0, atol=0)


MIXTURE = {"encoder": "frozen", "batch": 128, "draws": 1}


@torch.no_grad()
def generated(run: Training, count: int = 2000) -> Tensor:
    learner = learner_of(run)
    batch = run.feed.windows.batch(torch.zeros(count, dtype=torch.long))
    return learner.generate(run.draws.normal(count, 1, 2), learner.teacher.encode(batch.observation))


def distilled(method: str, kind: str, **changes: object) -> Training:
    """A student of the mixture's exact scores, from a network shortly trained on the mixture's samples."""
    policy, windows = plane_policy(kind)
    learner = OneDp(settings_of(method, **MIXTURE, **changes), policy, len(windows))
    learner.teacher = exact(policy)
    run = training_of(learner, windows)
    for index in range(learner.steps):
        run.step(index)
    return run


@pytest.mark.parametrize(("kind", "steps"), [("discrete", 500), pytest.param("edm", 1000, marks=pytest.mark.slow)])
def test_the_stochastic_student_makes_both_modes(kind, steps):
    run = distilled(
        "onedp_s",
        kind,
        steps=steps,
        generator_optimiser={"learning_rate": 5e-4, "betas": [0.0, 0.99]},
        critic_optimiser={"learning_rate": 4e-3, "betas": [0.0, 0.99]},
    )
    share, modes = mode_statistics(generated(run))
    assert share == pytest.approx(0.5, abs=0.15)
    for centre, mean, std in modes:
        torch.testing.assert_close(mean, centre, rtol=0, atol=0.1)
        torch.testing.assert_close(std, torch.full((2,), STD), rtol=0, atol=0.08)


def least_divergence(process: Process, levels: Tensor) -> float:
    """Where on the way from the modes' mean (0) to a mode (1) a single point has the least divergence of Eq. 8."""
    places, draws = torch.linspace(0, 1.2, 121), seeded()
    slopes = []
    for place in places:
        point = (place * CENTRES[:1]).expand(len(levels), 1, 2)
        a_k = process.add_noise(point, draws.normal(len(levels), 1, 2), levels)
        gradient = generator_gradient(process, point, posterior_mean(process, a_k, levels), levels)
        slopes.append((gradient.mean(0) * CENTRES[0]).sum())
    return places[torch.stack(slopes).cumsum(0).argmin()].item()


@pytest.mark.parametrize(
    ("kind", "noise_levels", "least"),
    [
        pytest.param("discrete", {"low": 2, "high": 95}, 0.05, marks=pytest.mark.slow),
        ("discrete", {"low": 2, "high": 15}, 0.98),
        ("edm", None, 0.39),
    ],
)
def test_the_deterministic_student_goes_where_a_point_has_the_least_divergence(kind, noise_levels, least):
    """Where little noise is compared it seeks a mode, as reverse divergence does; noise wider than the modes' distance
    shows one broad mode, whose middle is between them, and the paper's levels have enough of it for modes as near."""
    run = distilled(
        "onedp_d",
        kind,
        steps=600,
        noise_levels=noise_levels,
        generator_optimiser={"learning_rate": 1e-3, "betas": [0.0, 0.99]},
    )
    learner = learner_of(run)
    levels = learner.draw_levels(20_000, seeded())
    assert least_divergence(learner.teacher.process, levels) == pytest.approx(least, abs=0.06)
    points = generated(run, 8)
    torch.testing.assert_close(points, points[:1].expand_as(points), rtol=0, atol=1e-6)
    way = (points[0, 0] * CENTRES[0, 0]).sum() / CENTRES[0, 0].square().sum()
    assert abs(way.item()) == pytest.approx(least, abs=0.1)
    torch.testing.assert_close(points[0, 0], way * CENTRES[0, 0], rtol=0, atol=0.05)
