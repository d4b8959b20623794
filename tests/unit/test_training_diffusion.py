"""Schedules and samplers agree with diffusers, and with each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from sdm_training.diffusion.noise_schedule import NoiseSchedule
from sdm_training.diffusion.samplers import ddim_step, sample_ddim, trailing_timesteps
from sdm_training.processes.discrete import Discrete, DiscreteSettings
from sdm_training.settings import build
from torch import Tensor

COMMON = {
    "num_train_timesteps": 100,
    "beta_schedule": "squaredcos_cap_v2",
    "clip_sample": True,
    "clip_sample_range": 1.0,
}
# Ours and diffusers' names of what a network predicts.
PREDICTIONS = [("x0", "sample"), ("epsilon", "epsilon")]


def schedule() -> NoiseSchedule:
    return NoiseSchedule(100)


def process(prediction: str) -> Discrete:
    return Discrete(build(DiscreteSettings, {"prediction": prediction}))


def ddpm_step(schedule: NoiseSchedule, x_t: Tensor, x0: Tensor, timestep: int, noise: Tensor) -> Tensor:
    """One ancestral step (Ho et al. 2020, Eq. 6–7) from `timestep` to `timestep` - 1; the last one adds no noise."""
    now, before = schedule.alpha_bar_at(timestep), schedule.alpha_bar_at(timestep - 1)
    alpha = now / before
    mean = (before.sqrt() * (1 - alpha) * x0 + alpha.sqrt() * (1 - before) * x_t) / (1 - now)
    if timestep == 0:
        return mean
    return mean + ((1 - before) / (1 - now) * (1 - alpha)).sqrt() * noise


def test_alpha_bar_equals_diffusers_squared_cosine():
    reference = DDPMScheduler(**COMMON).alphas_cumprod
    torch.testing.assert_close(schedule().alpha_bar, reference, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 10, 16, 100])
def test_trailing_timesteps_equal_diffusers(count):
    reference = DDIMScheduler(**COMMON, timestep_spacing="trailing")
    reference.set_timesteps(count)
    assert list(trailing_timesteps(100, count)) == reference.timesteps.tolist()


def test_few_steps_start_at_the_noisiest_timestep():
    assert trailing_timesteps(100, 1) == (99,)
    assert trailing_timesteps(100, 2) == (99, 49)
    assert trailing_timesteps(100, 10) == (99, 89, 79, 69, 59, 49, 39, 29, 19, 9)


@pytest.mark.parametrize(("prediction", "theirs"), PREDICTIONS)
@pytest.mark.parametrize("eta", [0.0, 0.6])
def test_ddim_step_equals_diffusers(prediction, theirs, eta):
    ours = process(prediction)
    reference: Any = DDIMScheduler(**COMMON, timestep_spacing="trailing", prediction_type=theirs)
    reference.set_timesteps(10)
    generator = torch.Generator().manual_seed(1)
    for timestep in (89, 49, 9):  # at 99 diffusers' float32 epsilon → x0 division differs in the last digits
        x, output, noise = (torch.randn(3, 4, 2, generator=generator) for _ in range(3))
        expected = reference.step(output, timestep, x, eta=eta, use_clipped_model_output=True, variance_noise=noise)
        x0 = ours.to_x0(output, x, torch.full((3,), timestep))
        got = ddim_step(ours.schedule, x, x0, timestep, timestep - 10, eta, noise)
        torch.testing.assert_close(got, expected.prev_sample, rtol=1e-4, atol=1e-5)


def test_ddim_with_eta_one_is_ddpm_step_for_step():
    ours = schedule()
    generator = torch.Generator().manual_seed(3)
    for timestep in range(99, -1, -1):
        x, x0, noise = (torch.randn(2, 4, 2, generator=generator) for _ in range(3))
        ddim = ddim_step(ours, x, x0, timestep, timestep - 1, eta=1.0, noise=noise)
        torch.testing.assert_close(ddim, ddpm_step(ours, x, x0, timestep, noise), rtol=1e-4, atol=1e-5)


def test_sampling_a_point_mass_returns_the_point_at_any_nfe():
    point = torch.tensor([0.3, -0.7])
    for nfe in (1, 2, 10, 100):
        sample = sample_ddim(schedule(), lambda x, _: point.expand_as(x), torch.randn(5, 4, 2), nfe)
        np.testing.assert_allclose(sample, point.expand(5, 4, 2), atol=1e-6)


def test_sampling_a_gaussian_keeps_its_mean_and_spread():
    ours, mean, std = schedule(), 0.2, 0.3

    def posterior_mean(x, timesteps):
        alpha, sigma = ours.alpha_sigma(timesteps)
        return mean + alpha * std**2 * (x - alpha * mean) / (alpha**2 * std**2 + sigma**2)

    samples = sample_ddim(
        ours, posterior_mean, torch.randn(4000, 1, 1, generator=torch.Generator().manual_seed(0)), 100
    )
    # Standard errors at n = 4000: 0.005 for the mean, 0.0034 for the spread; the grid's own error is of that size.
    assert samples.mean().item() == pytest.approx(mean, abs=0.02)
    assert samples.std().item() == pytest.approx(std, abs=0.02)
