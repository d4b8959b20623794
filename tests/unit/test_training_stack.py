"""A stack of runs is the same runs: gradients, optimiser, averages and weights, for every method."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers.methods import METHODS, learner_of
from helpers.training import CPU, demonstrations, windows_of
from sdm_training.draws import Draws
from sdm_training.optimiser import Optimiser, OptimiserSettings
from sdm_training.settings import SettingsError
from sdm_training.stack.stack import Stack, stack_batches
from sdm_training.stack.stacked_optimiser import StackedOptimiser
from torch import Tensor


class ReplayedDraws(Draws):
    """The same numbers for every run and both ways of running them."""

    def __init__(self) -> None:
        super().__init__(CPU, torch.Generator())
        self.rewind()

    def rewind(self) -> None:
        assert self.generator is not None
        self.generator.manual_seed(0)


@pytest.mark.parametrize("method", METHODS)
def test_stacked_losses_and_gradients_are_those_of_the_runs_alone(method):
    learners = [learner_of(method, seed) for seed in (0, 1, 2)]
    data = demonstrations()
    windows = [windows_of(data, learner.policy) for learner in learners]
    alone = copy.deepcopy(learners)
    stack = Stack(learners, windows, seed=0)
    stack.draws = draws = ReplayedDraws()
    stack.randomness = "same"
    batches = [feed.batch() for feed in stack.feeds]
    for update in stack.template.updates:
        step = stack._steps[update.name]
        trained = [parameter.detach().requires_grad_() for parameter in step.parameters]
        draws.rewind()
        tensors = dict(zip(step.names, trained, strict=True))
        losses, _ = stack.losses(update.name, tensors, stack_batches(batches))
        gradients = torch.autograd.grad(losses.sum(), trained)
        for index, (learner, batch) in enumerate(zip(alone, batches, strict=True)):
            draws.rewind()
            loss, _ = learner(update.name, batch, draws)
            expected = torch.autograd.grad(loss, [parameter for _, parameter in learner.trained(update)])
            torch.testing.assert_close(losses[index], loss, rtol=1e-4, atol=1e-5)
            for name, ours, theirs in zip(step.names, gradients, expected, strict=True):
                torch.testing.assert_close(ours[index], theirs, rtol=2e-3, atol=1e-5, msg=f"{update.name}: {name}")


@pytest.mark.parametrize("clip", [None, 0.5])
def test_the_stacked_optimiser_is_adamw_for_every_run(clip):
    settings = OptimiserSettings(learning_rate=0.02, warmup_steps=3, weight_decay=0.01, clip=clip)
    generator = torch.Generator().manual_seed(0)
    starts = [torch.randn(2, 4, 3, generator=generator), torch.randn(2, 5, generator=generator)]
    stacked = [start.clone() for start in starts]
    together = StackedOptimiser(stacked, settings, 10)
    alone = [[torch.nn.Parameter(start[run].clone()) for start in starts] for run in range(2)]
    optimisers = [Optimiser(parameters, settings, 10) for parameters in alone]
    for count in range(10):
        targets = [torch.randn(start.shape, generator=generator) for start in starts]
        together.step([2 * (p - t) for p, t in zip(stacked, targets, strict=True)], torch.tensor([count]))
        for run, (parameters, optimiser) in enumerate(zip(alone, optimisers, strict=True)):
            loss = sum(((p - t[run]) ** 2).sum() for p, t in zip(parameters, targets, strict=True))
            assert isinstance(loss, Tensor)
            optimiser.step(loss, count)
    for run, parameters in enumerate(alone):
        for ours, theirs in zip(stacked, parameters, strict=True):
            torch.testing.assert_close(ours[run], theirs.detach())


@pytest.mark.parametrize("method", ["diffusion", "sdm"])
def test_a_stack_trains_every_run_on_its_own_data(method):
    learners = [learner_of(method, seed) for seed in (0, 1)]
    before = [copy.deepcopy(dict(learner.weights())) for learner in learners]
    windows = [
        windows_of(demonstrations(lengths), learner.policy)
        for learner, lengths in zip(learners, ((7, 9), (5, 8)), strict=True)
    ]
    stack = Stack(learners, windows, seed=0)
    for index in range(learners[0].steps):
        stack.step(index)
    stack.finish()
    after = [learner.weights() for learner in learners]
    for old, new in zip(before, after, strict=True):
        assert any(not torch.equal(old[name], new[name]) for name in old)
    assert all(value.shape == (2,) and value.isfinite().all() for value in stack.scalars().values())
    assert any(not torch.equal(after[0][name], after[1][name]) for name in after[0])


def test_runs_of_different_shapes_are_refused():
    learners = [learner_of("diffusion", 0), learner_of("diffusion", 0, denoiser={"kind": "adaln_mlp", "width": 24})]
    windows = [windows_of(demonstrations(), learner.policy) for learner in learners]
    with pytest.raises(SettingsError, match="the runs differ in the shape of"):
        Stack(learners, windows, seed=0)
