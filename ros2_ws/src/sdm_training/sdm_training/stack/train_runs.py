"""Trains many runs at once, into the run folders that each would have made alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from sdm_training.stack.stack import Stack
from sdm_training.training_loop import snapshot_due, write_snapshot
from sdm_training.training_run import Run


@dataclass(frozen=True)
class _Stacked:
    """Runs that are trained as one stack."""

    runs: list[Run]
    stack: Stack

    @property
    def steps(self) -> int:
        return self.runs[0].learner.steps


def train_runs(runs: Sequence[Run], console: Console) -> None:
    """Brings every run to its weights: runs of one method and of equal shapes as a stack, all stacks side by side.

    Nothing is kept of an interrupted training: it begins anew. A run's train_s is the time that all of them together
    took until its own end.
    """
    for run in runs:
        run.begin()
    stacks = [
        _Stacked(
            alike, Stack([run.learner for run in alike], [run.data.train for run in alike], alike[0].settings.seed)
        )
        for alike in _alike([run for run in runs if not run.folder.finished])
    ]
    together = sum(len(stacked.runs) for stacked in stacks)
    started = time.perf_counter()
    for index in range(max((stacked.steps for stacked in stacks), default=0)):
        for stacked in stacks:
            if index < stacked.steps:
                stacked.stack.step(index)
                _keep_snapshots(stacked, index, started)
        for stacked in stacks:
            if index + 1 == stacked.steps:
                _finish(stacked, started, together, console)


def _stacked(runs: list[Run]) -> _Stacked:
    stack = Stack([run.learner for run in runs], [run.data.train for run in runs], runs[0].settings.seed)
    return _Stacked(runs, stack)


def _keep_snapshots(stacked: _Stacked, index: int, started: float) -> None:
    keepers = [run for run in stacked.runs if snapshot_due(run.settings.loop.snapshots, index, stacked.steps)]
    if keepers:
        stacked.stack.finish()
    for run in keepers:
        write_snapshot(run.folder.path, index + 1, run.learner.weights(), time.perf_counter() - started)


def _finish(stacked: _Stacked, started: float, together: int, console: Console) -> None:
    stacked.stack.finish()
    spent = time.perf_counter() - started
    for run in stacked.runs:
        run.folder.finish(run.learner.weights(), spent, stacked=together)
    scalars = ", ".join(f"{name} {value.mean():.2e}" for name, value in stacked.stack.scalars().items())
    labels = stacked.runs[0].labels
    console.print(f"{labels['method']}: {len(stacked.runs)} runs of {stacked.steps} steps in {spent:.1f} s ({scalars})")


def _alike(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs of one method's settings, whose parameters have equal shapes."""
    groups: dict[object, list[Run]] = {}
    for run in runs:
        learner = run.learner
        shapes = tuple((name, tuple(parameter.shape)) for name, parameter in learner.named_parameters())
        groups.setdefault((repr(run.method), learner.policy.settings, shapes), []).append(run)
    return list(groups.values())
