"""Trains many runs at once, into the run folders that each would have made alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from rich.console import Console

from sdm_training.stack.stack import Stack
from sdm_training.training.loop import snapshot_due, write_snapshot
from sdm_training.training.run import Run


@dataclass(frozen=True)
class _Stacked:
    """Runs that are trained as one stack."""

    runs: list[Run]
    stack: Stack

    @property
    def steps(self) -> int:
        return self.runs[0].learner.steps


def train_runs(runs: Sequence[Run], console: Console) -> list[tuple[Run, Exception]]:
    """Brings every run to its weights: runs of one method and of equal shapes as a stack, all stacks side by side.

    A stack that fails ends alone, and so does a run of it whose weights are not finite in the end; they come back with
    the error. Nothing is kept of an interrupted training: it begins anew. A run's train_s is the time that all of them
    together took until its own end.
    """
    failed: list[tuple[Run, Exception]] = []
    in_flight: list[_Stacked] = []

    def attempt(alike: list[Run], action: Callable[[], object]) -> bool:
        try:
            action()
        except Exception as error:  # of whatever kind: it is the method's own
            failed.extend((run, error) for run in alike)
            return False
        return True

    with ExitStack() as held:
        begun = [run for run in runs if attempt([run], lambda run=run: held.enter_context(run.begin()))]
        for alike in _alike([run for run in begun if not run.folder.finished]):
            attempt(alike, lambda alike=alike: in_flight.append(_stacked(alike)))
        together = sum(len(stacked.runs) for stacked in in_flight)
        started = time.perf_counter()
        index = 0
        while in_flight:
            for stacked in list(in_flight):
                if not attempt(stacked.runs, lambda stacked=stacked, index=index: _step(stacked, index, started)):
                    in_flight.remove(stacked)
                elif index + 1 == stacked.steps:
                    in_flight.remove(stacked)
                    if attempt(stacked.runs, stacked.stack.finish):
                        spent = time.perf_counter() - started
                        console.print(_summary(stacked, spent))
                        for run in stacked.runs:
                            attempt([run], lambda run=run, spent=spent: _write(run, spent, together))
            index += 1
    return failed


def _stacked(runs: list[Run]) -> _Stacked:
    stack = Stack([run.learner for run in runs], [run.data.learned for run in runs], runs[0].settings.seed)
    return _Stacked(runs, stack)


def _step(stacked: _Stacked, index: int, started: float) -> None:
    stacked.stack.step(index)
    keepers = [run for run in stacked.runs if snapshot_due(run.settings.loop.snapshots, index, stacked.steps)]
    if keepers:
        stacked.stack.finish()
    for run in keepers:
        write_snapshot(run.folder.path, index + 1, run.learner.weights(), time.perf_counter() - started)


def _write(run: Run, spent: float, together: int) -> None:
    run.folder.finish(run.learner.weights(), spent, stacked=together)


def _summary(stacked: _Stacked, spent: float) -> str:
    scalars = ", ".join(f"{name} {value.mean():.2e}" for name, value in stacked.stack.scalars().items())
    method = stacked.runs[0].labels["method"]
    return f"{method}: {len(stacked.runs)} runs of {stacked.steps} steps in {spent:.1f} s ({scalars})"


def _alike(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs of one method's settings and of as many steps (epochs differ with the data), whose tensors have equal shapes
    and whose actions have equal centres, since a stack computes as its first run does."""
    groups: dict[object, list[Run]] = {}
    for run in runs:
        learner = run.learner
        tensors = (*learner.named_parameters(), *learner.named_buffers())
        shapes = tuple((name, tuple(tensor.shape)) for name, tensor in tensors)
        policy = learner.policy
        same = (repr(run.method), learner.steps, policy.settings, policy.contract.action.centre, shapes)
        groups.setdefault(same, []).append(run)
    return list(groups.values())
