"""ManiCM: LCM's boundary, DDIM's step, who gets gradients, and the teacher's ten steps in one on a known mixture."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from helpers.methods import learner_of
from helpers.mixture import STD, exact, mixture_training, mode_statistics, plane_policy, posterior_mean
from helpers.training import CPU, demonstrations, small_policy, windows_of
from rich.console import Console
from sdm_training.diffusion.samplers import ddim_step, sample_ddim
from sdm_training.distillers.manicm import ManiCm, ManiCmSettings
from sdm_training.draws import Draws
from sdm_training.export.run_exports import ExportSettings, export_run
from sdm_training.method_parts.feed import Feed
from sdm_training.policy.process import same_level
from sdm_training.policy.sampling import Sampler
from sdm_training.processes.consistency_model import ConsistencyModel, ConsistencyModelSettings
from sdm_training.processes.discrete import Discrete
from sdm_training.runs.run_folder import RunFolder
from sdm_training.settings import SettingsError, build

NO_CONDITION = torch.zeros(1, 0)


def manicm(**changes: Any) -> ManiCm:
    learner = learner_of("manicm", settings=changes)
    assert isinstance(learner, ManiCm)
    return learner


@pytest.mark.parametrize("timestep", [0, 1, 9, 99])
def test_the_boundary_scalings_equal_diffusers(timestep):
    process = ConsistencyModel(ConsistencyModelSettings(clip_sample=False))
    c_skip, c_out = LCMScheduler(timestep_scaling=10.0).get_scalings_for_boundary_condition_discrete(timestep)
    x, output = torch.randn(3, 4, 2), torch.randn(3, 4, 2)
    levels = same_level(x, timestep).long()
    got = process.predict_x0(lambda *_: output, x, levels, NO_CONDITION)
    torch.testing.assert_close(got, c_skip * x + c_out * output)


def test_at_the_first_timestep_the_input_is_the_end():
    process, x = ConsistencyModel(ConsistencyModelSettings(clip_sample=False)), torch.randn(3, 4, 2)
    levels = torch.zeros(3, dtype=torch.long)
    torch.testing.assert_close(process.predict_x0(lambda x, *_: torch.ones_like(x), x, levels, NO_CONDITION), x)


def test_the_teachers_step_is_ddims():
    """Regression: an x0 in the place of the noise would leave the flow."""
    learner = manicm()
    process = learner.teacher.process
    assert isinstance(process, Discrete)
    generator = torch.Generator().manual_seed(0)
    condition = torch.randn(3, learner.teacher.encoder.condition_dim, generator=generator)
    for timestep, earlier in ((89, 79), (49, 39), (9, 0)):
        x_t = torch.randn(3, 4, 2, generator=generator)
        levels, before = (torch.full((3,), level) for level in (timestep, earlier))
        x0 = learner.teacher.predict_x0(x_t, levels, condition)
        expected = ddim_step(process.schedule, x_t, x0, timestep, earlier)
        got = learner.teacher_step(x_t, levels, before, condition)
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_the_loss_reaches_the_students_denoiser_alone():
    learner = manicm()
    draws = Draws(CPU, torch.Generator().manual_seed(0))
    batch = Feed(learner.feeding, windows_of(demonstrations(), learner.policy), draws).batch()
    learner("consistency", batch, draws)[0].backward()
    assert all(parameter.grad is not None for parameter in learner.student.denoiser.parameters())
    others = [*learner.teacher.parameters(), *learner.average.parameters(), *learner.student.encoder.parameters()]
    assert all(parameter.grad is None for parameter in others)


def test_a_teacher_of_another_process_is_refused():
    policy = small_policy(demonstrations(), diffusion={"kind": "edm"})
    with pytest.raises(SettingsError, match="follows DDIM: give a teacher of discrete diffusion, as dp3 is"):
        ManiCm(build(ManiCmSettings, {"optimiser": {"learning_rate": 1e-3}}), policy, 10)


@pytest.mark.parametrize("skip", [0, 7, 101])
def test_a_skip_that_does_not_divide_the_timesteps_is_refused(skip):
    with pytest.raises(SettingsError, match=rf"distiller\.skip {skip} does not divide the teacher's 100 timesteps"):
        manicm(skip=skip)


def test_the_exported_student_acts_as_torch_does(tmp_path):
    learner = manicm()
    run = RunFolder(tmp_path / "run")
    sampling = learner.sampling.model_dump(mode="json")
    record = {"method": "manicm", "policy": learner.policy.settings.plain(), "sampling": sampling}
    run.begin(record, learner.policy.contract)
    run.finish(learner.policy.state_dict(), 1.0)
    metrics = {"method": "manicm", "network": "tiny", "seed": 0}
    (checkpoint,) = export_run(run, ExportSettings(half_weights=False), demonstrations(), metrics, Console(quiet=True))
    assert checkpoint.nfe == 1
    assert max(checkpoint.metrics["parity"].values()) < 1e-5


def test_one_step_becomes_the_exact_teachers_ddim():
    """The same chunk from the same noise as in ten steps, and so both modes alike."""
    policy, windows = plane_policy()
    settings = build(
        ManiCmSettings,
        {"steps": 400, "batch": 256, "optimiser": {"learning_rate": 2e-3, "betas": [0.9, 0.99]}},
    )
    learner = ManiCm(settings, policy, len(windows))
    learner.teacher = exact(policy)
    process = policy.process
    assert isinstance(process, Discrete)
    run = mixture_training(learner, windows)
    noise = torch.randn(2000, 1, 2, generator=torch.Generator().manual_seed(1))
    condition = learner.teacher.encode(windows.batch(torch.zeros(2000, dtype=torch.long)).observation)
    expected = sample_ddim(process.schedule, lambda x, t: posterior_mean(process, x, t), noise, 10)
    before = Sampler(learner.policy, learner.sampling).chunk(condition, noise).detach()
    assert (before - expected).norm(dim=(1, 2)).median() > 0.4, "one step of the teacher is near the mean of the modes"
    for index in range(settings.steps):
        run.step(index)
    chunks = Sampler(learner.policy, learner.sampling).chunk(condition, noise).detach()
    assert (chunks - expected).norm(dim=(1, 2)).median() < 0.05
    share, modes = mode_statistics(chunks)
    assert share == pytest.approx(0.5, abs=0.05)
    for centre, mean, std in modes:
        torch.testing.assert_close(mean, centre, rtol=0, atol=0.06)
        torch.testing.assert_close(std, torch.full((2,), STD), rtol=0, atol=0.06)
