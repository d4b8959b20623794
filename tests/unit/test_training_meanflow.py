"""MeanFlow: its identity where the average velocity is known, its losses, and a one-step map learnt from samples."""

from __future__ import annotations

import math

import onnxruntime
import pytest
import torch
from helpers.mixture import PLANE
from helpers.training import CPU, demonstrations, small_policy, windows_of
from sdm_training.data.windows import Windows
from sdm_training.distillers.meanflow import (
    MeanFlowTraining,
    MeanFlowTrainingSettings,
    dispersion,
    misalignment,
)
from sdm_training.draws import Draws
from sdm_training.export.onnx_model import to_onnx
from sdm_training.export.run_exports import parity_inputs
from sdm_training.method_parts.optimiser import Optimiser
from sdm_training.policy.policy import Policy
from sdm_training.policy.process import Network
from sdm_training.policy.sampling import Sampler, SamplingSettings
from sdm_training.processes.meanflow import MeanFlow, MeanFlowSettings
from sdm_training.settings import SettingsError, build
from torch import Tensor

MEAN, STD = 0.2, 0.4
PREDICTIONS = ["velocity", "x0"]


def process(prediction: str) -> MeanFlow:
    return MeanFlow(build(MeanFlowSettings, {"prediction": prediction, "clip_sample": False}))


def spread(t: Tensor) -> Tensor:
    """Standard deviation [B, 1, 1] of x_t, where x0 is N(MEAN, STD²)."""
    return ((1 - t) ** 2 * STD**2 + t**2).sqrt()[:, None, None]


def posterior_mean(x: Tensor, t: Tensor) -> Tensor:
    alpha = (1 - t)[:, None, None]
    return MEAN + alpha * STD**2 * (x - alpha * MEAN) / spread(t) ** 2


def exact(prediction: str) -> Network:
    """The network of N(MEAN, STD²): its flow keeps every point's number of standard deviations."""

    def network(x: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        t, length = times.unbind(-1)
        r = t - length
        alphas = (1 - t)[:, None, None], (1 - r)[:, None, None]
        x_r = alphas[1] * MEAN + (x - alphas[0] * MEAN) * spread(r) / spread(t)
        u = (x - x_r) / length[:, None, None]
        return u if prediction == "velocity" else x - t[:, None, None] * u

    return network


def policy(prediction: str = "velocity") -> tuple[Policy, Windows]:
    data = demonstrations()
    made = small_policy(data, diffusion={"kind": "meanflow", "prediction": prediction})
    return made, windows_of(data, made)


def training(policy: Policy, **changes: object) -> MeanFlowTraining:
    values = {"steps": 12, "observations": 4, "draws": 2, "optimiser": {"learning_rate": 1e-2}}
    return MeanFlowTraining(build(MeanFlowTrainingSettings, {**values, **changes}), policy, 14)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_exact_average_velocity_is_its_own_target(prediction):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, 1, 1, generator=generator)
    r, t = torch.rand(2, 200, generator=generator).sort(dim=0).values * 0.8 + torch.tensor([[0.0], [0.2]])
    velocity = (x - posterior_mean(x, t)) / t[:, None, None]
    x0, epsilon = x - t[:, None, None] * velocity, x + (1 - t)[:, None, None] * velocity
    u, target = process(prediction).velocity_and_target(exact(prediction), x0, epsilon, r, t, torch.zeros(200, 1))
    torch.testing.assert_close(target, u, rtol=1e-3, atol=1e-3)
    assert (target - velocity).abs().mean() > 0.05, "the interval matters"


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_derivative_along_the_path_equals_finite_differences(prediction):
    made, _ = policy(prediction=prediction)
    made.double()
    x0, epsilon = torch.randn(2, 6, *made.chunk_shape, dtype=torch.double).unbind()
    condition = torch.randn(6, made.encoder.condition_dim, dtype=torch.double)
    t = torch.linspace(0.3, 0.9, 6, dtype=torch.double)
    r, step, flow = t * 0.4, 1e-5, made.process
    assert isinstance(flow, MeanFlow)

    def average(t: Tensor) -> Tensor:
        return flow.average_velocity(made.denoiser, flow.add_noise(x0, epsilon, t), r, t, condition)

    derivative = (average(t + step) - average(t - step)) / (2 * step)
    u, target = flow.velocity_and_target(made.denoiser, x0, epsilon, r, t, condition)
    torch.testing.assert_close(u, average(t))
    torch.testing.assert_close(target, epsilon - x0 - (t - r)[:, None, None] * derivative, rtol=1e-5, atol=1e-6)
    assert not target.requires_grad


def test_where_the_times_are_equal_the_loss_is_flow_matching():
    made, _ = policy()
    learner = training(made, interval_share=0.0, weight_power=0.0)
    condition, chunk = torch.randn(500, made.encoder.condition_dim), torch.randn(500, *made.chunk_shape)
    got = learner.cloning_loss(condition, chunk, Draws(CPU, torch.Generator().manual_seed(0)))
    draws = Draws(CPU, torch.Generator().manual_seed(0))
    r, t = learner.draw_interval(500, draws)
    assert torch.equal(r, t)
    epsilon = draws.normal(*chunk.shape)
    torch.testing.assert_close(got, made.process.denoising_loss(made.denoiser, chunk, t, epsilon, condition))


def test_the_configured_share_of_the_pairs_is_an_interval():
    r, t = training(policy()[0], interval_share=0.3).draw_interval(4000, Draws(CPU, torch.Generator().manual_seed(0)))
    assert (r <= t).all()
    # The standard error at n = 4000 is 0.007.
    assert (r < t).float().mean().item() == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("nfe", [1, 2, 7])
def test_any_number_of_exact_jumps_gives_the_exact_map(prediction, nfe):
    noise = torch.randn(50, 1, 1)
    got = process(prediction).sample(exact(prediction), noise, torch.zeros(50, 1), nfe)
    torch.testing.assert_close(got, MEAN + STD * noise, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_one_step_map_is_learnt_from_samples_alone(prediction):
    """Unweighted, the loss has the exact map of N(MEAN, STD²), z ↦ MEAN + STD z, as its minimum."""
    generator, steps = torch.Generator().manual_seed(0), 400
    plane = {**PLANE, "denoiser": {"kind": "adaln_mlp", "width": 32, "blocks": 2, "timestep_features": 16}}
    data = demonstrations()
    # No clipping, which a Gaussian does not know; and times that come to pure noise often enough for so few steps.
    flow = {"kind": "meanflow", "prediction": prediction, "clip_sample": False, "time_mean": 0.0, "time_std": 1.6}
    made = small_policy(data, diffusion=flow, **plane)
    learner = training(made, steps=steps, weight_power=0.0, optimiser={"learning_rate": 1e-2})
    draws, condition = Draws(CPU, generator), torch.zeros(256, made.encoder.condition_dim)
    optimiser = Optimiser(made.denoiser.parameters(), learner.settings.optimiser, steps)
    noise = torch.randn(1000, 1, 2, generator=generator)
    nothing = torch.zeros(1000, made.encoder.condition_dim)

    @torch.no_grad()
    def error() -> float:
        got = made.process.sample(made.denoiser, noise, nothing, 1)
        return (got - MEAN - STD * noise).abs().mean().item()

    before = error()
    for step in range(steps):
        x0 = MEAN + STD * torch.randn(256, 1, 2, generator=generator)
        optimiser.step(learner.cloning_loss(condition, x0, draws), step)
    # The mean in place of the map would err by 0.8 STD.
    assert before > 0.8 * STD
    assert error() < 0.3 * STD


def test_the_weight_leaves_the_direction_of_a_chunks_gradient():
    made, _ = policy()
    condition, chunk = torch.randn(1, made.encoder.condition_dim), torch.randn(1, *made.chunk_shape)

    def gradient(**changes: object) -> Tensor:
        learner = training(made, draws=1, **changes)
        learner.trained_policy = made
        loss = learner.cloning_loss(condition, chunk, Draws(CPU, torch.Generator().manual_seed(0)))
        return torch.cat([part.flatten() for part in torch.autograd.grad(loss, list(made.denoiser.parameters()))])

    plain, weighted = gradient(weight_power=0.0), gradient(weight_power=1.0, weight_offset=0.0)
    torch.testing.assert_close(torch.cosine_similarity(plain, weighted, dim=0), torch.tensor(1.0))
    assert not torch.allclose(plain, weighted, rtol=0.01)


def test_misalignment_sees_directions_alone():
    u = torch.randn(20, 4, 2)
    assert misalignment(u, 3 * u).item() == pytest.approx(0, abs=1e-6)
    assert misalignment(u, -u).item() == pytest.approx(2, abs=1e-6)


def test_dispersion_falls_as_features_part():
    apart = torch.tensor([[0.0, 0.0], [0.3, 0.4]])
    assert dispersion(apart, 0.5).item() == pytest.approx(math.log((2 + 2 * math.exp(-0.5)) / 4))
    assert dispersion(2 * apart, 0.5) < dispersion(apart, 0.5)


def test_dispersion_compares_observations_not_their_draws():
    made, windows = policy()
    learner = training(made, dispersion={"weight": 1.0}, directional_weight=0.0)
    batch = windows.batch(torch.arange(4))

    def loss(weight: float) -> Tensor:
        learner.settings = learner.settings.model_copy(
            update={"dispersion": learner.settings.dispersion.model_copy(update={"weight": weight})}
        )
        return learner("cloning", batch, Draws(CPU, torch.Generator().manual_seed(0)))[0]

    condition = learner.trained_policy.encode(batch.observation)
    torch.testing.assert_close(loss(1.0) - loss(0.0), dispersion(condition, 0.5))


def test_another_process_is_refused():
    with pytest.raises(SettingsError, match="trains the process 'meanflow', not 'discrete'"):
        training(small_policy(demonstrations()))


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("nfe", [1, 3])
def test_exported_policies_act_as_torch_does(prediction, nfe):
    made, _ = policy(prediction=prediction)
    sampler = Sampler(made, SamplingSettings(nfe=nfe))
    inputs = {name: values[:1] for name, values in parity_inputs(sampler, demonstrations()).items()}
    session = onnxruntime.InferenceSession(to_onnx(sampler, half_weights=False))
    (got,) = session.run(None, inputs)
    with torch.no_grad():
        expected = sampler(*(torch.from_numpy(inputs[name]) for name in ("point_cloud", "state", "noise")))
    torch.testing.assert_close(torch.from_numpy(got), expected, rtol=1e-4, atol=1e-5)
