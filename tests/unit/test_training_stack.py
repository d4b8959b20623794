"""A stack of runs is the same runs: gradients, optimiser, averages and weights, for every method."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from typing import Literal

import pytest
import torch
from helpers.methods import METHODS, learner_of
from helpers.training import CPU, demonstrations, windows_of
from rich.console import Console
from sdm_training import registry
from sdm_training.draws import Draws
from sdm_training.method_parts.feed import Feed
from sdm_training.method_parts.learner import MethodSettings
from sdm_training.method_parts.optimiser import Optimiser, OptimiserSettings
from sdm_training.settings import SettingsError, build
from sdm_training.stack.stack import Stack, stack_batches
from sdm_training.stack.stacked_optimiser import StackedOptimiser
from sdm_training.stack.train_runs import train_runs
from sdm_training.training.run import Data, Run, RunSettings
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


# Demonstrations of two lengths, so of two sets of windows.
FIRST, SECOND = (7, 9), (5, 8)


def trained_together(
    method: str, *lengths: tuple[int, ...], randomness: Literal["different", "same"]
) -> list[dict[str, Tensor]]:
    """The weights of equal learners, each stacked with demonstrations of its own lengths. Their feeds draw alike."""
    learners = [learner_of(method) for _ in lengths]
    windows = [
        windows_of(demonstrations(some), learner.policy) for learner, some in zip(learners, lengths, strict=True)
    ]
    stack = Stack(learners, windows, seed=0)
    stack.randomness = randomness
    stack.feeds = [
        Feed(learner.feeding, some, Draws(CPU, torch.Generator().manual_seed(1)))
        for learner, some in zip(learners, windows, strict=True)
    ]
    for index in range(learners[0].steps):
        stack.step(index)
    stack.finish()
    assert all(value.shape == (len(lengths),) and value.isfinite().all() for value in stack.scalars().values())
    return [dict(learner.weights()) for learner in learners]


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.allclose(first[name], second[name], rtol=1e-4, atol=1e-5) for name in first)


@pytest.mark.parametrize("method", ["diffusion", "sdm"])
def test_a_stack_trains_every_run_on_its_own_data(method):
    before = dict(learner_of(method).weights())
    first, second = trained_together(method, FIRST, SECOND, randomness="same")
    assert not same(before, first)
    assert not same(before, second)
    assert not same(first, second)
    swapped = trained_together(method, SECOND, FIRST, randomness="same")
    assert same(swapped[0], second)
    assert same(swapped[1], first)


@pytest.mark.parametrize("method", ["diffusion", "sdm"])
def test_equal_runs_of_a_stack_draw_different_numbers(method):
    assert same(*trained_together(method, FIRST, FIRST, randomness="same"))
    assert not same(*trained_together(method, FIRST, FIRST, randomness="different"))


def test_runs_of_different_shapes_are_refused():
    learners = [learner_of("diffusion", 0), learner_of("diffusion", 0, denoiser={"kind": "adaln_mlp", "width": 24})]
    windows = [windows_of(demonstrations(), learner.policy) for learner in learners]
    with pytest.raises(SettingsError, match="the runs differ in the shape of"):
        Stack(learners, windows, seed=0)


def run_of(folder: Path, seed: int) -> Run:
    """A run of the smallest method, ready to be trained."""
    package, values, _ = METHODS["diffusion"]
    learner, data, method = (
        learner_of("diffusion", seed),
        demonstrations(),
        registry.build_part(package, values, package),
    )
    assert isinstance(method, MethodSettings)
    windows = windows_of(data, learner.policy)
    settings = {
        **{"task": data.contract.task, "seed": seed, "data": "unread", "run": str(folder / str(seed))},
        **{"validation_episodes": 0, "compute": {}, "loop": {}, "export": {}},
    }
    return Run(
        build(RunSettings, settings),
        method,
        learner,
        Data(data, windows, windows, None, learner.policy.contract, data.digest()),
        {"method": "dp3"},
    )


def test_runs_of_other_numbers_of_steps_are_trained_each_for_its_own(tmp_path):
    runs = [run_of(tmp_path, seed) for seed in (0, 1)]
    runs[1].learner.steps += 2
    printed = io.StringIO()
    assert not train_runs(runs, Console(file=printed, width=200))
    assert all(f"dp3: 1 runs of {run.learner.steps} steps" in printed.getvalue() for run in runs)


def test_runs_whose_actions_are_counted_from_elsewhere_are_trained_each_for_its_own(tmp_path):
    runs = [run_of(tmp_path, seed) for seed in (0, 1)]
    contract = runs[1].learner.policy.contract
    centred = contract.action.model_copy(update={"centre": ("hand.y",)})
    runs[1].learner.policy.contract = contract.model_copy(update={"action": centred})
    printed = io.StringIO()
    assert not train_runs(runs, Console(file=printed, width=200))
    assert printed.getvalue().count("dp3: 1 runs of") == 2


def test_a_run_that_diverges_fails_alone_in_its_stack(tmp_path):
    runs = [run_of(tmp_path, seed) for seed in (0, 1, 2)]
    with torch.no_grad():
        next(runs[1].learner.parameters()).fill_(float("nan"))
    ((failed, error),) = train_runs(runs, Console(quiet=True))
    assert failed is runs[1]
    assert "is not finite: the training diverged" in str(error)
    assert [run.folder.finished for run in runs] == [True, False, True]
    assert [run.folder.effort()["stacked"] for run in runs if run.folder.finished] == [3, 3]


def test_a_run_that_another_process_trains_is_left_to_it(tmp_path):
    runs = [run_of(tmp_path, seed) for seed in (0, 1)]
    with runs[0].folder.held():
        ((failed, error),) = train_runs(runs, Console(quiet=True))
    assert failed is runs[0]
    assert "trains in it: wait for its end" in str(error)
    assert [run.folder.finished for run in runs] == [False, True]
