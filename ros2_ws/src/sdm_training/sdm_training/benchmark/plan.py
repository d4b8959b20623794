"""From a suite and what is there already to the jobs that are missing, in the order in which they matter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sdm_training.benchmark.jobs.job import Job, Places
from sdm_training.benchmark.suite import Suite, require_known
from sdm_training.benchmark.trial import Trial


@dataclass(frozen=True)
class Selection:
    """Which cells of a suite are wanted; empty: all. curve: the points of its learning curves too."""

    tasks: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    curve: bool = False


@dataclass(frozen=True)
class Plan:
    """jobs: the missing ones, each after those that it needs; done: cells that have their line already;
    left_out: one line for each task that cannot be run here."""

    jobs: list[Job]
    done: int
    left_out: list[str]


def plan(suite: Suite, selection: Selection, places: Places) -> Plan:
    """Raises SettingsError where the selection names what the suite has not."""
    require_known("task", selection.tasks, suite.tasks)
    require_known("method", selection.methods, suite.methods)
    seeds = {str(seed): None for row in suite.methods.values() for seed in row.seeds}
    require_known("seed", tuple(map(str, selection.seeds)), seeds)
    jobs: dict[str, Job] = {}
    done, left_out = 0, {}
    for trial in trials(suite, selection, places):
        source = trial.task.source
        if source is not None and not (places.root / source).exists() and not trial.demonstrations().done():
            left_out[trial.task.name] = f"{trial.task.name} is left out: its demonstrations {source} are not there"
            continue
        for evaluation in [*trial.evaluations(), *(trial.curve() if selection.curve else [])]:
            if evaluation.done():
                done += 1
            else:
                jobs |= {job.name: job for job in missing(trial) if job.name not in jobs}
                jobs[evaluation.name] = evaluation
    return Plan(list(jobs.values()), done, list(left_out.values()))


def trials(suite: Suite, selection: Selection, places: Places) -> Iterator[Trial]:
    """The first seed of every method first, task by task, so that the table fills where it tells most."""
    tasks = [row for name, row in suite.tasks.items() if name in (selection.tasks or suite.tasks)]
    methods = [row for name, row in suite.methods.items() if name in (selection.methods or suite.methods)]
    for rank in range(max(len(row.seeds) for row in methods)):
        for task in tasks:
            for method in methods:
                for seed in method.seeds[rank : rank + 1]:
                    if seed in (selection.seeds or method.seeds):
                        yield Trial(suite, places, task, method, seed)


def missing(trial: Trial) -> Iterator[Job]:
    """What comes before the trial's evaluations: the demonstrations, its teacher's training and its own."""
    training, demonstrations = trial.training(), trial.demonstrations()
    if training.done():
        return
    if not demonstrations.done():
        yield demonstrations
    if trial.teacher is not None:
        yield from missing(trial.teacher)
    yield training
