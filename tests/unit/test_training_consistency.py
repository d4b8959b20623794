"""Consistency Policy: exact jumps are its fixed point, who gets gradients, and the flow's ends on a known mixture."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from helpers.methods import learner_of
from helpers.mixture import STD, exact, mixture_training, mode_statistics, plane_policy, posterior_mean
from helpers.training import CPU, demonstrations, small_policy, windows_of
from rich.console import Console
from sdm_training.diffusion.karras import heun_step, karras_sigmas
from sdm_training.distillers.consistency import Consistency, ConsistencySettings, pseudo_huber
from sdm_training.draws import Draws
from sdm_training.export.run_exports import ExportSettings, export_run
from sdm_training.method_parts.feed import Feed
from sdm_training.policy.policy import Policy
from sdm_training.policy.process import same_level
from sdm_training.policy.sampling import Sampler, SamplingSettings
from sdm_training.processes.ctm import Ctm, CtmSettings
from sdm_training.processes.edm import Edm
from sdm_training.runs.run_folder import RunFolder
from sdm_training.settings import SettingsError, build
from torch import Tensor, nn

MEAN, SPREAD = 0.3, 0.2
NO_CONDITION = torch.zeros(1, 0)


class GaussianJumps(nn.Module):
    """The network whose jumps are exact on the flow of N(MEAN, SPREAD²)."""

    def __init__(self, process: Ctm) -> None:
        super().__init__()
        self.process = process

    def forward(self, scaled: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        low, high = math.log(self.process.settings.sigma_min), math.log(self.process.settings.sigma_max)
        begin, end = ((low + times[:, index] / 99 * (high - low)).exp() for index in (0, 1))
        c_skip, c_out, c_in = self.process.scalings(begin)
        x = scaled / c_in
        begin, end = begin[:, None, None], end[:, None, None]
        jumped = MEAN + (x - MEAN) * ((SPREAD**2 + end**2) / (SPREAD**2 + begin**2)).sqrt()
        share = (1 - end / begin).clamp(min=1e-3)  # of a jump of no length, whatever stands here is left out
        return ((jumped - (1 - share) * x) / share - c_skip * x) / c_out


class GaussianTeacher(Policy):
    """Predicts the posterior mean of N(MEAN, SPREAD²)."""

    def predict_x0(self, x: Tensor, levels: Tensor, condition: Tensor, clip: bool | None = None) -> Tensor:
        return MEAN + SPREAD**2 * (x - MEAN) / (SPREAD**2 + levels[:, None, None] ** 2)


def ctm(**changes: Any) -> Ctm:
    return Ctm(CtmSettings(clip_sample=False, **changes))


def consistency(**changes: Any) -> Consistency:
    learner = learner_of("consistency", settings=changes)
    assert isinstance(learner, Consistency)
    return learner


def one_loss(learner: Consistency) -> Tensor:
    draws = Draws(CPU, torch.Generator().manual_seed(0))
    batch = Feed(learner.feeding, windows_of(demonstrations(), learner.policy), draws).batch()
    loss, _ = learner("consistency", batch, draws)
    return loss


def test_a_jump_of_no_length_stays_where_it_is():
    x, levels = torch.randn(3, 4, 2), torch.tensor([0.002, 1.0, 80.0])
    torch.testing.assert_close(ctm().jump(lambda x, *_: torch.ones_like(x), x, levels, levels, NO_CONDITION), x)


def test_the_student_begins_as_its_teacher_whatever_the_jump():
    learner = consistency()
    x, levels = torch.randn(5, 4, 2), torch.tensor([0.01, 0.3, 2.0, 9.0, 80.0])
    condition = torch.randn(5, learner.teacher.encoder.condition_dim)
    expected = learner.teacher.predict_x0(x, levels, condition, clip=False)
    got = learner.student.predict_x0(x, levels, condition, clip=False)
    torch.testing.assert_close(got, expected)
    jump = learner.process.towards(learner.student.denoiser, x, levels, 0.1 * levels, condition)
    torch.testing.assert_close(jump, expected)


@pytest.mark.parametrize("nfe", [1, 3, 10])
def test_exact_jumps_end_where_the_flow_of_a_gaussian_does(nfe):
    process = ctm()
    noise = torch.linspace(-3, 3, 31).double()[:, None, None]
    got = process.sample(GaussianJumps(process), noise, NO_CONDITION, nfe)
    expected = MEAN + (80 * noise - MEAN) * math.hypot(SPREAD, 0.002) / math.hypot(SPREAD, 80)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-4)


def test_three_jumps_begin_at_evenly_spaced_bins():
    process = ctm()
    begins: list[float] = []

    def network(scaled: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        begins.append(times[0, 0].item())
        return scaled

    process.sample(network, torch.zeros(1, 1, 2), NO_CONDITION, 3)
    torch.testing.assert_close(torch.tensor(begins), process.embedded(process.sigmas[[0, 27, 54]]))


def test_sampling_begins_with_less_noise_where_configured():
    noise = torch.full((1, 1, 2), 2.0)
    begins: list[Tensor] = []

    def network(scaled: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        begins.append(scaled)
        return scaled

    process = ctm(start_scale=1 / 80)
    process.sample(network, noise, NO_CONDITION, 1)
    _, _, c_in = process.scalings(same_level(noise, 80.0))
    torch.testing.assert_close(begins[0] / c_in, noise)


@pytest.mark.parametrize("nfe", [0, 80])
def test_more_jumps_than_bins_are_refused(nfe):
    with pytest.raises(SettingsError, match=f"{nfe} jumps asked of 80 bins: give 1 to 79"):
        ctm().sample(GaussianJumps(ctm()), torch.zeros(1, 1, 2), NO_CONDITION, nfe)


def test_the_distance_is_the_chunks_norm_away_from_zero_and_its_square_near_it():
    a, b = torch.zeros(1, 3, 2), torch.zeros(1, 3, 2)
    a[0, 0] = torch.tensor([3.0, 4.0])
    assert pseudo_huber(a, b).item() == pytest.approx(5.0, abs=2e-3)
    c = 0.00054 * math.sqrt(6)
    assert pseudo_huber(1e-5 * a, b).item() == pytest.approx((5e-5) ** 2 / (2 * c), rel=1e-2)


def test_exact_jumps_on_an_exact_teachers_flow_are_the_ctm_losss_fixed_point():
    learner = consistency(bins=80)
    teacher = GaussianTeacher(learner.teacher.settings, learner.teacher.contract)
    learner.teacher = teacher
    learner.student.denoiser = learner.average.denoiser = GaussianJumps(learner.process)
    chunk = MEAN + SPREAD * torch.randn(500, 4, 2)
    condition = torch.zeros(500, 1)
    draws = Draws(CPU, torch.Generator().manual_seed(0))
    assert learner.ctm_loss(chunk, condition, draws).item() < 2e-3
    learner.student.denoiser = nn.Module()
    learner.student.denoiser.forward = lambda x, *_: torch.zeros_like(x)  # type: ignore[method-assign]
    assert learner.ctm_loss(chunk, condition, draws).item() > 0.1


@pytest.mark.parametrize("part", ["ctm_scale", "dsm_scale"])
def test_each_loss_reaches_the_students_denoiser_alone(part):
    """Regression: carried to the flow's end without gradients, the CTM loss would move nothing."""
    learner = consistency(**{"ctm_scale": 0.0, "dsm_scale": 0.0, part: 1.0})
    one_loss(learner).backward()
    student = [parameter.grad for parameter in learner.student.denoiser.parameters()]
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in student)
    others = [*learner.teacher.parameters(), *learner.average.parameters(), *learner.student.encoder.parameters()]
    assert all(parameter.grad is None for parameter in others)


def test_a_teacher_without_edms_flow_is_refused():
    policy = small_policy(demonstrations())
    with pytest.raises(SettingsError, match="follows EDM's flow: give a teacher of that process, as edm is"):
        Consistency(build(ConsistencySettings, {"optimiser": {"learning_rate": 1e-3}}), policy, 10)


def test_exported_students_act_as_torch_does_with_one_jump_and_three(tmp_path):
    policy = consistency().policy
    run = RunFolder(tmp_path / "run")
    sampling = SamplingSettings(nfe=1).model_dump(mode="json")
    run.begin({"method": "consistency", "policy": policy.settings.plain(), "sampling": sampling}, policy.contract)
    run.finish(policy.state_dict(), 1.0)
    settings = ExportSettings(nfe=(1, 3), half_weights=False)
    metrics = {"method": "consistency", "network": "tiny", "seed": 0}
    for checkpoint, nfe in zip(
        export_run(run, settings, demonstrations(), metrics, Console(quiet=True)), (1, 3), strict=True
    ):
        assert checkpoint.nfe == nfe
        assert max(checkpoint.metrics["parity"].values()) < 1e-4


def flow_ends(process: Edm, noise: Tensor) -> Tensor:
    """Where the mixture's flow takes the noise, in 200 Heun steps."""
    levels = [same_level(noise, sigma) for sigma in karras_sigmas(200, 0.002, 80.0, 7.0)]
    x = process.start(noise, levels[0])
    for now, target in pairwise(levels):
        x = heun_step(lambda x, sigmas: posterior_mean(process, x, sigmas), x, now, target)
    return x


def test_the_student_converges_to_the_flow_of_a_known_mixture():
    """One jump and three must end where the exact teacher's flow does, in both modes alike."""
    policy, windows = plane_policy("edm")
    assert isinstance(policy.process, Edm)
    settings = build(
        ConsistencySettings,
        {"steps": 500, "batch": 128, "bins": 20, "optimiser": {"learning_rate": 2e-3, "betas": [0.9, 0.99]}},
    )
    learner = Consistency(settings, policy, len(windows))
    learner.teacher = exact(policy)
    run = mixture_training(learner, windows)
    noise = torch.randn(2000, 1, 2, generator=torch.Generator().manual_seed(1))
    condition = learner.teacher.encode(windows.batch(torch.zeros(2000, dtype=torch.long)).observation)
    expected = flow_ends(policy.process, noise)

    def distance(nfe: int) -> tuple[float, Tensor]:
        chunks = Sampler(learner.policy, SamplingSettings(nfe=nfe)).chunk(condition, noise)
        return (chunks - expected).norm(dim=(1, 2)).median().item(), chunks

    with torch.no_grad():
        assert distance(1)[0] > 0.4, "one step of the teacher is near the mean of the modes"
    for index in range(settings.steps):
        run.step(index)
    with torch.no_grad():
        for nfe in (1, 3):
            median, chunks = distance(nfe)
            assert median < 0.06
            share, modes = mode_statistics(chunks)
            assert share == pytest.approx(0.5, abs=0.05)
            for centre, mean, std in modes:
                torch.testing.assert_close(mean, centre, rtol=0, atol=0.06)
                torch.testing.assert_close(std, torch.full((2,), STD), rtol=0, atol=0.06)
