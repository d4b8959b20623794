"""Closed-loop success of exported checkpoints over seeded episodes, in worker processes."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from sdm_core.errors import TaskError
from sdm_core.orphan import end_with_parent
from sdm_core.policy_runtime import PolicyRuntime
from sdm_sim.late_policy import Latency
from sdm_sim.registry import make_task
from sdm_sim.rollout import run_episode
from sdm_sim.task import Task

# Beyond every seed of a start, so that no noise is drawn twice; the first try keeps the start's own seed.
_NOISE_SEED_STRIDE = 2**32


@dataclass(frozen=True)
class Outcome:
    """One episode: its seed, whether it succeeded, and after how many control steps it ended.

    `way` and `score` are the task's (see sdm_sim.task.Task), None where it has none. `held`: steps without a command.
    """

    seed: int
    success: bool
    steps: int
    way: str | None = None
    score: float | None = None
    held: int = 0


@dataclass(frozen=True)
class World:
    """What a policy acts in: a task (None: the one that it was made for), the depth camera whose noise is put onto its
    images, and the latency of a world that does not wait (see run_episode)."""

    task: str | None = None
    camera_noise: str | None = None
    latency: Latency | None = None


def evaluate(
    checkpoint: Path,
    seeds: Sequence[int],
    workers: int = 1,
    backend: str = "openvino",
    on_outcome: Callable[[Outcome], None] | None = None,
    repeats: int = 1,
    world: World | None = None,
) -> list[Outcome]:
    """Runs the episode of every seed through the exported network; the outcomes come in the order of the seeds.

    Each start is tried `repeats` times in a row, with the policy's noise alone seeded anew. An episode depends on its
    seed and repeat alone, so the number of workers changes nothing but the time taken.
    """
    outcomes = []
    # Spawned, not forked: a renderer's context does not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _open, (checkpoint, backend, world or World())) as pool:
        try:
            for outcome in pool.map(_run, product(seeds, range(repeats))):
                outcomes.append(outcome)
                if on_outcome:
                    on_outcome(outcome)
        except BrokenProcessPool:
            raise TaskError(f"{checkpoint}: a worker ended while it opened or ran the task; see above") from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return outcomes


@dataclass
class _Worker:
    task: Task
    runtime: PolicyRuntime
    world: World


_worker: _Worker | None = None


def _open(checkpoint: Path, backend: str, world: World) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it ends the workers
    end_with_parent()
    runtime = PolicyRuntime(checkpoint, backend=backend, threads=1)
    _worker = _Worker(make_task(world.task or runtime.contract.task), runtime, world)


def _run(attempt: tuple[int, int]) -> Outcome:
    assert _worker is not None
    seed, repeat = attempt
    noise_seed, world = seed + repeat * _NOISE_SEED_STRIDE, _worker.world
    result = run_episode(_worker.task, _worker.runtime, seed, noise_seed, world.latency, world.camera_noise)
    return Outcome(seed, bool(result.success), int(result.steps), result.way, result.score, result.held)
