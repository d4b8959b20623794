"""Closed-loop success of exported checkpoints over seeded episodes, in worker processes of several environments."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path

from sdm_core.backends import require_backend
from sdm_core.checkpoint import Checkpoint
from sdm_core.errors import TaskError
from sdm_core.orphan import end_with_parent
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_sim.late_policy import Latency
from sdm_sim.registry import make_task, require_task
from sdm_sim.rollout import Attempt, run_episodes
from sdm_sim.task import Task

USUAL_BACKEND = "openvino"
"""What a result line that names no backend was made with."""

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
    images, the latency of a world that does not wait; and how it acts there: how many actions of a chunk are executed
    (see run_episodes), and by how much noise (see PolicyRuntime)."""

    task: str | None = None
    camera_noise: str | None = None
    latency: Latency | None = None
    replan_steps: int | None = None
    noise_scale: float = 1.0


def attempts(seeds: Sequence[int], repeats: int = 1, noise_apart: bool = True) -> list[Attempt]:
    """The episodes of an evaluation, in the order of its outcomes; noise_apart as a Question's."""
    return [
        Attempt(seed, seed + repeat * _NOISE_SEED_STRIDE, noise_apart)
        for seed, repeat in product(seeds, range(repeats))
    ]


def evaluate(
    checkpoint: Path,
    seeds: Sequence[int],
    workers: int = 1,
    backend: str = USUAL_BACKEND,
    on_outcome: Callable[[Outcome], None] | None = None,
    repeats: int = 1,
    world: World | None = None,
    environments: int = 1,
    noise_apart: bool = True,
) -> list[Outcome]:
    """Runs the episode of every seed through the exported network; the outcomes come in the order of the seeds.

    Each start is tried `repeats` times in a row, with the policy's noise alone seeded anew. An episode depends on its
    seed, its repeat and noise_apart (a Question's), so the number of workers changes nothing but the time taken.

    Each worker steps `environments` of the task in turn and infers their observations as one batch. The same number
    gives the same outcomes. Those of another differ at most as rounding may change them: at batches up to 8, OpenVINO's
    answers were those of batch 1, bit for bit; ONNX Runtime's and torch's differed by up to 1e-6 of an action's unit.
    A network that was exported for one observation is asked them one by one. Raises TaskError where the task, such as a
    real cell's, is not simulated here, CheckpointError where the backend is not installed or lacks the weights it runs,
    ContractError where its chunks are shorter than what is to be executed of them.
    """
    # A worker that refuses to begin prints a traceback: what can be told cheaply is told before.
    world, opened = world or World(), Checkpoint.open(checkpoint)
    require_task(world.task or opened.contract.task)
    if world.replan_steps is not None:
        opened.contract.replanned(world.replan_steps)
    require_backend(backend)
    if backend == "torch":
        opened.require_weights()
    asked = attempts(seeds, repeats, noise_apart)
    groups = [asked[first : first + environments] for first in range(0, len(asked), environments)]
    outcomes = []
    # Spawned, not forked: a renderer's context does not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _open, (checkpoint, backend, world, environments)) as pool:
        try:
            for outcome in chain.from_iterable(pool.map(_run, groups)):
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
    tasks: list[Task]
    runtime: PolicyRuntime
    world: World


_worker: _Worker | None = None


def _open(checkpoint: Path, backend: str, world: World, environments: int) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it ends the workers
    end_with_parent()
    runtime = PolicyRuntime(checkpoint, backend, batch=environments, noise_scale=world.noise_scale)
    name = world.task or runtime.contract.task
    _worker = _Worker([make_task(name) for _ in range(runtime.batch)], runtime, world)


def _run(attempts: list[Attempt]) -> list[Outcome]:
    assert _worker is not None
    tasks, runtime, world = _worker.tasks, _worker.runtime, _worker.world
    outcomes = []
    for first in range(0, len(attempts), len(tasks)):
        asked = attempts[first : first + len(tasks)]
        results = run_episodes(
            tasks[: len(asked)],
            runtime,
            asked,
            world.latency,
            world.camera_noise,
            replan_steps=world.replan_steps,
        )
        outcomes += [
            Outcome(result.seed, bool(result.success), int(result.steps), result.way, result.score, result.held)
            for result in results
        ]
    return outcomes
