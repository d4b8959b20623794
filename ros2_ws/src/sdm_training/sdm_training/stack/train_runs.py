"""Trains runs of one method together, into the run folders that each would have made alone."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from rich.console import Console

from sdm_training.stack.stack import Stack
from sdm_training.training_loop import snapshot_due, write_snapshot
from sdm_training.training_run import Run


def train_runs(runs: Sequence[Run], console: Console) -> None:
    """Brings every run to its weights; runs that differ in shapes or length are stacked apart.

    A stack keeps no state on disk: one that is killed is trained anew. Each run's train_s is its whole stack's time.
    """
    for run in runs:
        run.begin()
    stacks: dict[object, list[Run]] = {}
    for run in runs:
        if not run.folder.finished:
            stacks.setdefault(_signature(run), []).append(run)
    for stacked in stacks.values():
        _train(stacked, console)


def _train(runs: list[Run], console: Console) -> None:
    started = time.perf_counter()
    steps = runs[0].learner.steps
    stack = Stack([run.learner for run in runs], [run.data.train for run in runs], runs[0].settings.seed)
    for index in range(steps):
        stack.step(index)
        keepers = [run for run in runs if snapshot_due(run.settings.loop.snapshots, index, steps)]
        if keepers:
            stack.finish()
        for run in keepers:
            write_snapshot(run.folder.path, index + 1, run.learner.weights(), time.perf_counter() - started)
    stack.finish()
    if stack.device.type == "cuda":
        torch.cuda.synchronize()
    spent = time.perf_counter() - started
    for run in runs:
        run.folder.finish(run.learner.weights(), spent, stacked=len(runs))
    scalars = ", ".join(f"{name} {value.mean():.2e}" for name, value in stack.scalars().items())
    console.print(f"{runs[0].labels['method']}: {len(runs)} runs of {steps} steps in {spent:.1f} s ({scalars})")


def _signature(run: Run) -> object:
    """What runs of one stack have in common beside their method's settings."""
    shapes = tuple((name, tuple(parameter.shape)) for name, parameter in run.learner.named_parameters())
    return run.learner.steps, shapes
