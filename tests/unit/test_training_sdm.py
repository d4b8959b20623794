"""SDM: the sign of Eq. 3–4, who gets gradients, and convergence where the target's scores are known in closed form."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from helpers.training import demonstrations, small_policy, windows_of
from sdm_training.diffusion.noise_schedule import DiffusionSettings, NoiseSchedule
from sdm_training.distillers.sdm import GradientSettings, NoiseLevels, Sdm, SdmSettings, generator_gradient, score
from sdm_training.settings import SettingsError, build
from torch import Tensor
from torch.nn.functional import mse_loss

OPTIMISERS = {"generator_optimiser": {"learning_rate": 1e-3}, "critic_optimiser": {"learning_rate": 1e-3}}


def gaussian_x0(schedule: NoiseSchedule, x_t: Tensor, timesteps: Tensor, mean: float, std: float = 1.0) -> Tensor:
    """Posterior mean of x0 for N(mean, std²)."""
    alpha, sigma = schedule.alpha_sigma(timesteps)
    return mean + alpha * std**2 * (x_t - alpha * mean) / (alpha**2 * std**2 + sigma**2)


def sdm(seed: int = 0, steps: int = 20, **changes: object) -> Sdm:
    data = demonstrations()
    policy = small_policy(data, seed)
    settings = build(SdmSettings, {"steps": steps, "batch": 8, "update_ratio": 2, **OPTIMISERS, **changes})
    return Sdm(settings, policy, windows_of(data, policy), torch.Generator().manual_seed(seed))


def test_score_of_a_gaussian_is_exact():
    schedule = NoiseSchedule(DiffusionSettings())
    x_t, timesteps = torch.randn(50, 1, 1), torch.arange(5, 55)
    alpha, sigma = schedule.alpha_sigma(timesteps)
    expected = -(x_t - alpha * 2) / (alpha**2 + sigma**2)
    got = score(schedule, x_t, gaussian_x0(schedule, x_t, timesteps, 2.0), timesteps)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("weight", "normalisation"),
    [*itertools.product(["score", "x0", "variance"], ["per_sample", "none"]), ("score", "batch")],
)
def test_one_step_moves_the_generator_towards_the_teacher(weight, normalisation):
    """Teacher N(0, 1), generator N(2, 1): descending Eq. 4's gradient must lower the generator's mean."""
    schedule = NoiseSchedule(DiffusionSettings())
    generator = torch.Generator().manual_seed(0)
    mean = torch.tensor(2.0, requires_grad=True)
    a_g = mean + torch.randn(512, 1, 1, generator=generator)
    timesteps = torch.randint(100, (512,), generator=generator)
    a_t = schedule.add_noise(a_g.detach(), torch.randn(512, 1, 1, generator=generator), timesteps)
    gradient = generator_gradient(
        schedule,
        GradientSettings(weight=weight, normalisation=normalisation),
        a_g.detach(),
        a_t,
        gaussian_x0(schedule, a_t, timesteps, 0.0),
        gaussian_x0(schedule, a_t, timesteps, 2.0),
        timesteps,
    )
    (slope,) = torch.autograd.grad((gradient * a_g).mean(), mean)
    assert (mean - 0.1 * slope).item() < 2.0


def test_the_gradient_is_the_difference_of_the_scores():
    schedule = NoiseSchedule(DiffusionSettings())
    a_t, x0_teacher, x0_critic = (torch.randn(40, 4, 2) for _ in range(3))
    timesteps = torch.arange(30, 70)
    settings = GradientSettings(weight="score", normalisation="none")
    got = generator_gradient(schedule, settings, a_t, a_t, x0_teacher, x0_critic, timesteps)
    expected = score(schedule, a_t, x0_critic, timesteps) - score(schedule, a_t, x0_teacher, timesteps)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("normalisation", ["per_sample", "none"])
def test_the_weight_scales_the_gradient_of_each_timestep(normalisation):
    schedule = NoiseSchedule(DiffusionSettings())
    a_g, a_t, x0_teacher, x0_critic = (torch.randn(40, 4, 2) for _ in range(4))
    timesteps = torch.arange(30, 70)

    def weighted(weight: str) -> Tensor:
        settings = build(GradientSettings, {"weight": weight, "normalisation": normalisation})
        return generator_gradient(schedule, settings, a_g, a_t, x0_teacher, x0_critic, timesteps)

    alpha, sigma = schedule.alpha_sigma(timesteps)
    torch.testing.assert_close(weighted("score") / weighted("x0"), (alpha / sigma**2).expand_as(a_g))
    torch.testing.assert_close(weighted("variance") / weighted("x0"), alpha.expand_as(a_g))


def test_the_batch_normalisation_is_refused_for_other_weights_than_the_score():
    with pytest.raises(SettingsError, match='"batch" belongs to weight "score", not to "x0"'):
        build(GradientSettings, {"weight": "x0", "normalisation": "batch"})


def gradients(module: torch.nn.Module) -> list[Tensor | None]:
    return [parameter.grad for parameter in module.parameters()]


@pytest.mark.parametrize("encoder", ["frozen", "trained"])
def test_the_generators_loss_reaches_the_generator_alone(encoder):
    method = sdm(encoder=encoder)
    encode, condition = method._encode(torch.arange(8))
    loss, _ = method.generator_loss(method.generate(method._noise(8), encode()), condition)
    loss.backward()
    assert all(gradient is None for gradient in gradients(method.teacher) + gradients(method.critic))
    assert all(gradient is not None for gradient in gradients(method.student.denoiser))
    assert all((gradient is not None) == (encoder == "trained") for gradient in gradients(method.student.encoder))


def test_the_critics_loss_reaches_the_critic_alone():
    method = sdm()
    encode, condition = method._encode(torch.arange(8))
    method.critic_loss(method.generate(method._noise(8), encode()), condition).backward()
    assert all(gradient is None for gradient in gradients(method.teacher) + gradients(method.student))
    assert all(gradient is not None for gradient in gradients(method.critic.denoiser))


def test_a_trained_encoder_is_differentiated_for_the_generator_alone_and_encodes_again_after_its_update(monkeypatch):
    method = sdm(encoder="trained", update_ratio=2)
    encode, differentiated = method.student.encode, []

    def watched(point_cloud: Tensor, state: Tensor) -> Tensor:
        differentiated.append(torch.is_grad_enabled())
        return encode(point_cloud, state)

    monkeypatch.setattr(method.student, "encode", watched)
    for index in range(3):
        method.step(index)
    assert differentiated == [True, False, False, True, False]


def test_the_generator_moves_only_every_c_th_step_and_the_critic_in_each():
    method = sdm(update_ratio=3)
    method.step(0)  # the critic is the teacher still: the generator's gradient is zero
    moved = []
    for index in range(1, 7):
        before = copy.deepcopy((method.student.state_dict(), method.critic.state_dict(), method.teacher.state_dict()))
        method.step(index)
        after = (method.student.state_dict(), method.critic.state_dict(), method.teacher.state_dict())
        moved.append([any(not torch.equal(a[k], b[k]) for k in a) for a, b in zip(before, after, strict=True)])
    assert moved == [[index % 3 == 0, True, False] for index in range(1, 7)]


def test_noise_levels_draw_the_ddim_grid():
    levels = NoiseLevels(low=9, high=99, stride=10).draw(1000, torch.Generator().manual_seed(0))
    assert sorted(set(levels.tolist())) == [9, 19, 29, 39, 49, 59, 69, 79, 89, 99]


def test_timesteps_outside_the_process_are_refused():
    with pytest.raises(SettingsError, match="generator_timestep 100 is outside 0 … 99"):
        sdm(generator_timestep=100)


class MixtureTeacher:
    """Two equal Gaussians in the plane, with the exact posterior mean of x0 at every noise level."""

    centres = torch.tensor([[[0.5, 0.3]], [[-0.5, -0.3]]])
    std = 0.12

    def __init__(self, schedule: NoiseSchedule) -> None:
        self.schedule, self.chunk_shape = schedule, (1, 2)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        modes = torch.randint(2, (count,), generator=generator)
        return self.centres[modes] + self.std * torch.randn(count, 1, 2, generator=generator)

    def predict_x0(self, x_t: Tensor, timesteps: Tensor, condition: Tensor, clip: bool | None = None) -> Tensor:
        alpha, sigma = self.schedule.alpha_sigma(timesteps)
        variance = (alpha * self.std) ** 2 + sigma**2
        logits = [-((x_t - alpha * centre) ** 2).sum((1, 2)) / (2 * variance[:, 0, 0]) for centre in self.centres]
        posterior = torch.softmax(torch.stack(logits), dim=0)[..., None, None]
        means = torch.stack(
            [centre + alpha * self.std**2 * (x_t - alpha * centre) / variance for centre in self.centres]
        )
        return (posterior * means).sum(0)


def test_the_generator_converges_to_a_mixture_with_known_scores():
    """From a network that one step takes to the mixture's mean, SDM makes both modes with their weights and widths."""
    data = demonstrations((3,))
    changes = {"horizon": 1, "n_action_steps": 1, "denoiser": {"kind": "adaln_mlp", "width": 64, "blocks": 2}}
    policy = small_policy(data, 0, **changes)
    generator = torch.Generator().manual_seed(0)
    teacher = MixtureTeacher(policy.schedule)
    windows = windows_of(data, policy)
    pretrain(policy, teacher, windows, generator)
    settings = build(
        SdmSettings,
        {
            "steps": 3000,
            "batch": 256,
            "update_ratio": 3,
            "gradient": {"weight": "x0", "normalisation": "none"},
            "generator_optimiser": {"learning_rate": 1e-3, "betas": [0.0, 0.99]},
            "critic_optimiser": {"learning_rate": 2e-3, "betas": [0.5, 0.99]},
        },
    )
    method = Sdm(settings, policy, windows, generator)
    method.teacher = teacher  # type: ignore[assignment]
    before = generated(method, generator)
    assert (before.abs().amax(1) < 0.3).float().mean() > 0.8, "one step of the teacher is near the mean of the modes"
    for index in range(settings.steps):
        method.step(index)
    after = generated(method, generator)
    upper = after[:, 0] > 0
    assert upper.float().mean().item() == pytest.approx(0.5, abs=0.1)
    for mode, centre in ((after[upper], teacher.centres[0, 0]), (after[~upper], teacher.centres[1, 0])):
        torch.testing.assert_close(mode.mean(0), centre, rtol=0, atol=0.06)
        torch.testing.assert_close(mode.std(0), torch.full((2,), teacher.std), rtol=0, atol=0.06)


def pretrain(policy, teacher: MixtureTeacher, windows, generator: torch.Generator) -> None:
    """A short diffusion training on the mixture's samples: the initialisation of G and D."""
    optimiser = torch.optim.AdamW(policy.denoiser.parameters(), lr=2e-3)
    batch = windows.batch(torch.zeros(256, dtype=torch.long))
    condition = policy.encode(batch.point_cloud, batch.state).detach()
    for _ in range(400):
        x0, epsilon = teacher.sample(256, generator), torch.randn(256, 1, 2, generator=generator)
        timesteps = torch.randint(100, (256,), generator=generator)
        x_t = policy.schedule.add_noise(x0, epsilon, timesteps)
        loss = mse_loss(policy.denoiser(x_t, timesteps, condition), x0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


@torch.no_grad()
def generated(method: Sdm, generator: torch.Generator) -> Tensor:
    _, condition = method._encode(torch.zeros(2000, dtype=torch.long))
    return method.generate(torch.randn(2000, 1, 2, generator=generator), condition)[:, 0]
