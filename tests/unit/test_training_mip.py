"""The two-pass process and MIP: both passes against the closed form of what they regress."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.mixture import PLANE, posterior_mean, sample
from helpers.training import demonstrations, small_policy, training_of, windows_of
from hydra import compose, initialize_config_dir
from sdm_training.distillers.mip import Mip, MipSettings
from sdm_training.draws import Draws
from sdm_training.method_parts.optimiser import Optimiser
from sdm_training.policy.policy import Policy
from sdm_training.policy.process import same_level
from sdm_training.policy.sampling import Sampler
from sdm_training.processes.two_pass import TwoPass, TwoPassSettings
from sdm_training.settings import SettingsError, build
from torch import Tensor, nn
from torch.nn.functional import mse_loss

TWO_PASS: dict[str, Any] = {"kind": "two_pass"}


def mip(policy: Policy, **changes: object) -> Mip:
    values: dict[str, Any] = {
        "steps": 700,
        "state_dropout": 0.0,
        "optimiser": {"learning_rate": 3e-3, "warmup_steps": 20},
        **changes,
    }
    return Mip(build(MipSettings, values), policy, 1)


class Recorder(nn.Module):
    """The identity, which keeps what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        self.calls.append((x, times))
        return x + 1


def test_the_second_pass_refines_the_scaled_first_answer():
    network, process = Recorder(), TwoPass(TwoPassSettings(second_time=0.8))
    chunk = process.sample(network, torch.zeros(3, 4, 2), torch.zeros(3, 5), 2)
    (first, start), (second, later) = network.calls
    torch.testing.assert_close(first, torch.zeros(3, 4, 2))
    torch.testing.assert_close(second, torch.full((3, 4, 2), 0.8))
    torch.testing.assert_close(chunk, torch.full((3, 4, 2), 1.8))
    torch.testing.assert_close((start, later), (torch.zeros(3, 1), torch.full((3, 1), 80.0)))


@pytest.mark.parametrize("nfe", [1, 3])
def test_another_number_of_passes_is_refused(nfe):
    with pytest.raises(SettingsError, match=f"{nfe} network calls asked of the two-pass process: it takes 2"):
        TwoPass(TwoPassSettings()).sample(Recorder(), torch.zeros(1, 4, 2), torch.zeros(1, 5), nfe)


def test_the_configuration_chooses_the_process_and_the_command_line_may_not_contradict_it():
    with initialize_config_dir(str(Path(__file__).parents[2] / "config"), version_base=None):
        assert compose("distill", ["task=a/b", "distiller=mip"]).diffusion.kind == "two_pass"
        assert compose("distill", ["task=a/b", "distiller=mip", "diffusion=x0"]).diffusion.kind == "discrete"
    with pytest.raises(SettingsError, match="'mip' trains the process 'two_pass', not 'discrete'"):
        mip(small_policy(demonstrations()))


def test_the_loss_is_the_papers_sum_of_two_regressions():
    """Eq. 4.4 written out, with the same noise."""
    learner = mip(small_policy(demonstrations(), diffusion=TWO_PASS))
    policy = learner.trained_policy
    condition, chunk = torch.randn(6, policy.encoder.condition_dim), torch.randn(6, *policy.chunk_shape)

    def draws() -> Draws:
        return Draws(torch.device("cpu"), torch.Generator().manual_seed(1))

    z = draws().normal(*chunk.shape)
    start, later = torch.zeros(6, 1), torch.full((6, 1), 90.0)
    first = policy.denoiser(torch.zeros_like(chunk), start, condition)
    second = policy.denoiser(0.9 * chunk + 0.1 * z, later, condition)
    expected = mse_loss(first, chunk) + mse_loss(second, chunk)
    torch.testing.assert_close(learner.cloning_loss(condition, chunk, draws()), expected)


def test_the_loss_reaches_the_whole_trained_policy_and_not_the_average():
    data = demonstrations()
    learner = mip(small_policy(data, diffusion=TWO_PASS))
    run = training_of(learner, windows_of(data, learner.policy))
    loss, _ = learner("cloning", run.feed.batch(), run.draws)
    loss.backward()
    assert all(parameter.grad is not None for parameter in learner.trained_policy.parameters())
    assert all(parameter.grad is None for parameter in learner.average.parameters())


def test_both_passes_converge_to_the_posterior_means():
    """Samples of two modes: the first pass learns their mean, the second one their posterior mean under the noise."""
    generator = torch.Generator().manual_seed(0)
    policy = small_policy(demonstrations((3,)), diffusion=TWO_PASS, **PLANE)
    learner, draws = mip(policy), Draws(torch.device("cpu"), generator)
    optimiser = Optimiser(policy.denoiser.parameters(), learner.settings.optimiser, learner.steps)
    condition = torch.zeros(256, policy.encoder.condition_dim)
    for index in range(learner.steps):
        optimiser.step(learner.cloning_loss(condition, sample(256, generator), draws), index)
    process = policy.process
    x = process.add_noise(sample(256, generator), draws.normal(256, 1, 2), same_level(condition, 0.9))
    with torch.no_grad():
        first = policy.predict_x0(torch.zeros_like(x), same_level(x, 0.0), condition)
        second = policy.predict_x0(x, same_level(x, 0.9), condition)
        deployed = Sampler(policy, learner.sampling).chunk(condition, torch.zeros_like(x))
    torch.testing.assert_close(first, torch.zeros_like(x), rtol=0, atol=0.08)
    expected = posterior_mean(process, x, same_level(x, 0.9))
    error, unlearnt = ((guess - expected).norm(dim=(1, 2)).mean() for guess in (second, x / 0.9))
    assert error < 0.4 * unlearnt
    # Between the modes the second pass is steep: the deployed chunk is as the network itself says of 0.9 of the first.
    refined = policy.predict_x0(0.9 * first, same_level(x, 0.9), condition)
    torch.testing.assert_close(deployed, refined.detach())
