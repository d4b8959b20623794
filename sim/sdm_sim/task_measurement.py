"""What a task is worth to a training: how good its expert is, and what its demonstrations and steps cost."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import numpy as np
from sdm_core import provenance
from sdm_core.errors import ObservationError
from sdm_core.results import wilson

from sdm_sim.demonstrations import demonstrate, run_expert
from sdm_sim.perception import Perception
from sdm_sim.registry import make_task
from sdm_sim.task import Task

DEMONSTRATIONS = 10
# Seeds of the expert's episodes, beyond those of demonstrations and of evaluations.
SEED0 = 50_000
# Demonstrations that may fail before their measurement is given up.
MAX_FAILURES = 20
_TIMED_STEPS = 200


def measure(name: str, episodes: int, demonstrations: bool = True) -> dict[str, Any]:
    """The result line of a task, `kind: "task"`. Times are CPU seconds of this process, so that others do not count.

    Without an expert `successes`, `ci95` and `demo_s` are None; the last also where it fails too often, or where no
    `demonstrations` are asked for, as of a slow planner.
    """
    task = make_task(name)
    try:
        solved = (run_expert(task, SEED0 + index) for index in range(episodes))
        successes = None if task.expert_kind is None else sum(solved)
        return {
            "kind": "task",
            "task": name,
            "states": task.contract.state_dim,
            "actions": task.contract.action_dim,
            "expert": task.expert_kind,
            "episodes": episodes,
            "successes": successes,
            "ci95": None if successes is None else [round(bound, 4) for bound in wilson(successes, episodes)],
            "demo_s": _demonstration_time(task) if successes and demonstrations else None,
            "steps_per_s": round(_steps_per_second(task), 1),
            **provenance.origin(),
        }
    finally:
        task.close()


def _demonstration_time(task: Task) -> float | None:
    """CPU seconds of ten demonstrations with clouds, from seed 0 on, the failed ones among them."""
    begun, found, seed = time.process_time(), 0, 0
    while found < DEMONSTRATIONS:
        if seed - found > MAX_FAILURES:
            return None
        found += demonstrate(task, seed) is not None
        seed += 1
    return round(time.process_time() - begun, 2)


def _steps_per_second(task: Task) -> float:
    """Steps a CPU second under random actions, each with its cloud."""
    perception = Perception(task.contract, task.intrinsics, task.extrinsics)
    entries, rng = task.contract.action.entries, np.random.default_rng(0)
    low, high = np.array([entry.low for entry in entries]), np.array([entry.high for entry in entries])
    task.reset(0)
    begun = time.process_time()
    for _ in range(_TIMED_STEPS):
        with suppress(ObservationError):  # chance may lead everything out of sight, in which case a policy is held
            perception.cloud(task.observe())
        task.step(rng.uniform(low, high))
    return _TIMED_STEPS / (time.process_time() - begun)
