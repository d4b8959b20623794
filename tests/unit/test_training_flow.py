"""Flow matching's process: its exact velocity where that is known, Euler's steps, and teachers and students of it."""

from __future__ import annotations

import pytest
import torch
from helpers.mixture import plane_policy, posterior_mean, sample
from helpers.training import demonstrations, small_policy
from sdm_training.policy.process import EMBEDDED_TIME, Network
from sdm_training.processes.flow import Flow, FlowSettings
from sdm_training.processes.meanflow import MeanFlow, MeanFlowSettings
from sdm_training.settings import SettingsError, build
from torch import Tensor

MEAN, STD = 0.2, 0.4
PREDICTIONS = ["velocity", "x0"]


def process(prediction: str = "velocity", clip_sample: bool = False) -> Flow:
    return Flow(build(FlowSettings, {"prediction": prediction, "clip_sample": clip_sample}))


def gaussian_mean(x: Tensor, t: Tensor) -> Tensor:
    """E[x0 | x_t = x], where x0 is N(MEAN, STD²)."""
    t = t[:, None, None]
    return MEAN + (1 - t) * STD**2 * (x - (1 - t) * MEAN) / ((1 - t) ** 2 * STD**2 + t**2)


def exact(prediction: str) -> Network:
    """The network of N(MEAN, STD²)."""

    def network(x: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        t = times[:, 0] / EMBEDDED_TIME
        x0 = gaussian_mean(x, t)
        return x0 if prediction == "x0" else (x - x0) / t[:, None, None]

    return network


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_exact_velocity_gives_the_posterior_mean(prediction):
    x, t, condition = torch.randn(50, 3, 2), torch.linspace(0.1, 1, 50), torch.zeros(50, 1)
    got = process(prediction).predict_x0(exact(prediction), x, t, condition)
    torch.testing.assert_close(got, gaussian_mean(x, t), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_one_of_eulers_steps_gives_the_mean_and_many_follow_the_flow(prediction):
    """The flow keeps every point's number of standard deviations."""
    noise, condition = torch.randn(200, 1, 1), torch.zeros(200, 1)

    def error(nfe: int) -> float:
        got = process(prediction).sample(exact(prediction), noise, condition, nfe)
        return (got - MEAN - STD * noise).abs().mean().item()

    one = process(prediction).sample(exact(prediction), noise, condition, 1)
    torch.testing.assert_close(one, torch.full_like(noise, MEAN), rtol=0, atol=1e-5)
    assert error(10) < 0.5 * error(2) < 0.5 * error(1)
    assert error(100) < 0.04 * STD


def test_the_exact_velocity_has_the_least_loss():
    x0, epsilon = MEAN + STD * torch.randn(4000, 1, 1), torch.randn(4000, 1, 1)
    t, condition = torch.rand(4000) * 0.9 + 0.05, torch.zeros(4000, 1)

    def loss(shift: float) -> float:
        def shifted(x: Tensor, times: Tensor, condition: Tensor) -> Tensor:
            return exact("velocity")(x, times, condition) + shift

        return process().denoising_loss(shifted, x0, t, epsilon, condition).item()

    assert loss(0) < min(loss(-0.2), loss(0.2))


def test_a_sample_is_clipped_where_configured():
    noise, condition = 10 * torch.randn(20, 1, 1), torch.zeros(20, 1)
    assert process(clip_sample=True).sample(exact("velocity"), noise, condition, 20).abs().max() == 1
    assert process().sample(exact("velocity"), noise, condition, 20).abs().max() > 1


def test_no_call_is_refused():
    with pytest.raises(SettingsError, match=r"^0 network calls asked of process 'flow': give 1 or more"):
        process().check_nfe(0)


def test_a_network_learns_the_posterior_mean_of_a_mixture():
    policy, windows = plane_policy("flow")
    t = torch.linspace(0.2, 0.7, 400)
    x = policy.process.add_noise(sample(400, torch.Generator().manual_seed(1)), torch.randn(400, 1, 2), t)
    with torch.no_grad():
        condition = policy.encode(windows.batch(torch.zeros(400, dtype=torch.long)).observation)
        got = policy.predict_x0(x, t, condition, clip=False)
    expected = posterior_mean(policy.process, x, t)
    assert (got - expected).norm(dim=-1).mean() < 0.3 * expected.norm(dim=-1).mean()


def test_mean_flow_where_its_times_are_equal_is_this_process():
    """Its network, told nothing of the interval, gives the velocity here; only how times are embedded differs."""
    flow, mean_flow = process(), MeanFlow(build(MeanFlowSettings, {"clip_sample": False}))
    policy = small_policy(demonstrations(), diffusion={"kind": "flow"})
    x, t = torch.randn(6, *policy.chunk_shape), torch.linspace(0.2, 1, 6)
    condition = torch.randn(6, policy.encoder.condition_dim)

    def told_two(x: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        assert (times[:, 1] == 0).all()
        return policy.denoiser(x, EMBEDDED_TIME * times[:, :1], condition)

    torch.testing.assert_close(
        mean_flow.predict_x0(told_two, x, t, condition), flow.predict_x0(policy.denoiser, x, t, condition)
    )
