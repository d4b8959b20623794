"""EDM: its preconditioning and Heun sampler against diffusers, an independent solver and closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_edm_euler import EDMEulerScheduler
from diffusers.schedulers.scheduling_heun_discrete import HeunDiscreteScheduler
from helpers.mixture import STD, mode_statistics, plane_policy, posterior_mean
from helpers.training import CPU
from scipy.integrate import solve_ivp
from sdm_training.draws import Draws
from sdm_training.policy.process import Network, same_level
from sdm_training.processes.edm import Edm, EdmSettings
from sdm_training.settings import SettingsError
from torch import Tensor

NO_CONDITION = torch.zeros(1, 0)


def edm(**changes: Any) -> Edm:
    return Edm(EdmSettings(clip_sample=False, **changes))


def network_of(process: Edm, predict_x0: Callable[[Tensor, Tensor], Tensor]) -> Network:
    """The network whose preconditioned output is `predict_x0(x, sigmas)`."""
    low, high = math.log(process.settings.sigma_min), math.log(process.settings.sigma_max)

    def network(scaled: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        sigmas = (low + times[:, 0] / 99 * (high - low)).exp()
        c_skip, c_out, c_in = process.scalings(sigmas)
        x = scaled / c_in
        return (predict_x0(x, sigmas) - c_skip * x) / c_out

    return network


def mixture_network(process: Edm) -> Network:
    """The network that predicts the mixture's posterior mean."""
    return network_of(process, lambda x, sigmas: posterior_mean(process, x, sigmas))


def gaussian_x0(x: Tensor, sigmas: Tensor, mean: float, std: float) -> Tensor:
    """Posterior mean of x0 for N(mean, std²)."""
    return mean + std**2 * (x - mean) / (std**2 + sigmas[:, None, None] ** 2)


def test_preconditioning_equals_diffusers():
    process, reference = edm(), EDMEulerScheduler(sigma_data=0.5)
    generator = torch.Generator().manual_seed(0)
    for sigma in (0.002, 0.3, 5.0, 80.0):
        x, output = (torch.randn(3, 4, 2, generator=generator) for _ in range(2))
        seen = []

        def network(scaled: Tensor, times: Tensor, condition: Tensor, seen=seen, output=output) -> Tensor:
            seen.append(scaled)
            return output

        got = process.predict_x0(network, x, same_level(x, sigma), NO_CONDITION)
        torch.testing.assert_close(seen[0], reference.precondition_inputs(x, sigma))
        torch.testing.assert_close(got, reference.precondition_outputs(x, output, torch.tensor(sigma)))


def test_sigmas_span_the_times_of_the_discrete_process_in_the_log():
    process = edm()
    times = process.embedded(torch.tensor([0.002, 0.4, 80.0]))
    torch.testing.assert_close(times, torch.tensor([0.0, 49.5, 99.0]), rtol=0, atol=1e-3)


def test_training_sigmas_are_log_normal():
    logs = edm().draw_levels(20_000, Draws(CPU, torch.Generator().manual_seed(0))).log()
    assert logs.mean().item() == pytest.approx(-1.2, abs=0.03)
    assert logs.std().item() == pytest.approx(1.2, abs=0.03)


@pytest.mark.parametrize("sigma", [0.01, 0.5, 20.0])
def test_the_loss_weighs_every_sigma_alike(sigma):
    """A network of zeros predicts the posterior mean of N(0, sigma_data²), of which the weighted error is one."""
    process, generator = edm(), torch.Generator().manual_seed(0)
    x0, epsilon = 0.5 * torch.randn(20_000, 1, 2, generator=generator), torch.randn(20_000, 1, 2, generator=generator)
    loss = process.denoising_loss(lambda x, *_: torch.zeros_like(x), x0, same_level(x0, sigma), epsilon, NO_CONDITION)
    assert loss.item() == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("steps", [2, 10, 18])
def test_the_sampler_equals_diffusers_heun(steps):
    reference: Any = HeunDiscreteScheduler(
        num_train_timesteps=2, trained_betas=[0.002, 0.9998], use_karras_sigmas=True, prediction_type="sample"
    )
    reference.set_timesteps(steps)
    reference.set_begin_index(0)
    process = edm(sigma_min=reference.sigmas[-2].item(), sigma_max=reference.sigmas[0].item())
    noise = torch.randn(50, 1, 2, generator=torch.Generator().manual_seed(0))
    expected = noise * reference.sigmas[0]
    for sigma, timestep in zip(reference.sigmas[:-1], reference.timesteps, strict=True):
        x0 = posterior_mean(process, expected, same_level(expected, sigma.item()))
        expected = reference.step(x0, timestep, expected).prev_sample
    got = process.sample(mixture_network(process), noise, NO_CONDITION, 2 * steps - 1)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_many_steps_reach_the_ends_of_the_mixtures_flow():
    """Against an adaptive solver's solution of dx/dsigma = (x - x0) / sigma."""
    process = edm()
    noise = torch.randn(40, 1, 2, generator=torch.Generator().manual_seed(0)).double()

    def slope(sigma: float, flat: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(flat).reshape(noise.shape)
        x0 = posterior_mean(process, x, torch.full((len(x),), sigma, dtype=x.dtype))
        return ((x - x0) / sigma).numpy().ravel()

    start = (noise * 80).numpy().ravel()
    solution = solve_ivp(slope, (80.0, 1e-4), start, method="DOP853", rtol=1e-8, atol=1e-8)
    expected = torch.from_numpy(solution.y[:, -1]).reshape(noise.shape)
    errors = [
        (process.sample(mixture_network(process), noise, NO_CONDITION, nfe) - expected).abs().max().item()
        for nfe in (19, 35, 399)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 3e-3


def test_the_sampler_is_of_second_order_on_a_gaussians_flow():
    """N(mean, std²) flows to mean + (x - mean) std / sqrt(std² + sigma²); twice the steps, a quarter of the error."""
    mean, std = 0.3, 0.2
    process = edm()
    noise = torch.linspace(-3, 3, 31).double()[:, None, None]
    network = network_of(process, lambda x, sigmas: gaussian_x0(x, sigmas, mean, std))
    expected = mean + (80 * noise - mean) * std / math.hypot(std, 80)
    errors = [(process.sample(network, noise, NO_CONDITION, nfe) - expected).abs().max() for nfe in (79, 159, 319)]
    assert errors[2].item() < 1e-3
    assert (errors[0] / errors[1]).item() == pytest.approx(4, abs=0.4)
    assert (errors[1] / errors[2]).item() == pytest.approx(4, abs=0.4)


def test_one_call_is_one_euler_step_from_the_noisiest_sigma():
    process = edm()
    noise = torch.randn(5, 1, 2, generator=torch.Generator().manual_seed(0))
    x = 80 * noise
    expected = posterior_mean(process, x, same_level(x, 80.0))
    torch.testing.assert_close(process.sample(mixture_network(process), noise, NO_CONDITION, 1), expected)


def test_sampled_chunks_are_clipped_as_configured():
    process = Edm(EdmSettings())
    network = network_of(process, lambda x, sigmas: torch.full_like(x, 1.5))
    noise = torch.randn(5, 1, 2)
    torch.testing.assert_close(process.sample(network, noise, NO_CONDITION, 19), torch.ones_like(noise))


@pytest.mark.parametrize("nfe", [0, 2, 10])
def test_an_even_number_of_calls_is_refused(nfe):
    with pytest.raises(SettingsError, match=rf"^{nfe} network calls asked of EDM: Heun's n steps take 2n - 1"):
        edm().sample(mixture_network(edm()), torch.zeros(1, 1, 2), NO_CONDITION, nfe)


def test_levels_outside_the_process_are_refused():
    edm().check_level("level", 2.5)
    with pytest.raises(SettingsError, match=r"level 99 is outside 0\.002 … 80"):
        edm().check_level("level", 99)


def test_a_trained_denoiser_samples_both_modes():
    policy, windows = plane_policy("edm")
    condition = policy.encode(windows.batch(torch.zeros(2000, dtype=torch.long)).observation).detach()
    with torch.no_grad():
        chunks = policy.process.sample(policy.denoiser, torch.randn(2000, 1, 2), condition, nfe=35)
    share, modes = mode_statistics(chunks)
    assert share == pytest.approx(0.5, abs=0.1)
    for centre, mean, std in modes:
        torch.testing.assert_close(mean, centre, rtol=0, atol=0.06)
        torch.testing.assert_close(std, torch.full((2,), STD), rtol=0, atol=0.06)
