"""How fast demonstrations are made and policies evaluated, with clouds, on this machine's cores.

    python benchmarks/demonstrations.py demos [--family metaworld] [--workers 2]
    python benchmarks/demonstrations.py evaluation [--checkpoints models/metaworld_drawer-open_sdm …]
        [--environments 1] [--episodes 16] [--rounds 5]
    python benchmarks/demonstrations.py noise [--repeats 200]

The first two append lines to tasks.jsonl, for docs/tasks.md (`sdm-tasks` writes it anew), the last to timing.jsonl. CPU
seconds are given beside wall time, as they mean the same where others work, too.
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.perception.depth_noise import CAMERAS
from sdm_core.provenance import origin
from sdm_core.results import append_result
from sdm_core.runtime.policy_runtime import Answer, PolicyRuntime, Question
from sdm_sim.registry import make_task, tasks_named
from sdm_sim.rollout import Attempt, EpisodeResult, run_episodes
from sdm_sim.task import Task

RESULTS = Path("benchmarks/results")
# Of each task: as many as the papers train on.
EPISODES = 10
# Sizes of images, and how high their view is in degrees: MetaWorld's camera, and the Franka cell's small and large.
IMAGES = {(128, 128): 60.0, (160, 120): 62.0, (640, 480): 62.0}


def demonstrations(family: str, workers: int) -> dict[str, Any]:
    """Ten demonstrations of every task of a family by one command, into a folder that is not kept."""
    tasks = tasks_named(family)
    with tempfile.TemporaryDirectory() as room:
        command = [str(Path(sys.executable).parent / "sdm-demos"), f"task={family}", f"episodes={EPISODES}"]
        begun, spent = time.perf_counter(), _children_s()
        subprocess.run([*command, f"workers={workers}", f"output={room}/${{task}}.zarr"], check=True)
        wall_s, cpu_s = time.perf_counter() - begun, _children_s() - spent
        stored = sum(EpisodeStore.count(Path(room) / f"{task}.zarr") for task in tasks)
    return {
        "kind": "demonstrations",
        "family": family,
        "tasks": len(tasks),
        "episodes": stored,
        "workers": workers,
        "wall_s": round(wall_s, 1),
        "cpu_s": round(cpu_s, 1),
        **origin(),
    }


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class TimedRuntime(PolicyRuntime):
    """Counts the CPU seconds of inference."""

    inference_s = 0.0

    def infer_batch(self, questions: Sequence[Question]) -> list[Answer]:
        begun = time.process_time()
        try:
            return super().infer_batch(questions)
        finally:
            self.inference_s += time.process_time() - begun


@dataclass(frozen=True, eq=False)
class Round:
    """What some episodes took, and their commands, one array [T,A] each."""

    steps: int
    cpu_s: float
    inference_s: float
    actions: list[NDArray[np.float64]]

    @classmethod
    def of(cls, runtime: TimedRuntime, tasks: list[Task], attempts: list[Attempt]) -> Round:
        """Runs the attempts as a worker of sdm-evaluate does that has as many environments as the runtime's batch."""
        inferred, begun = runtime.inference_s, time.process_time()
        results: list[EpisodeResult] = []
        for first in range(0, len(attempts), runtime.batch):
            group = attempts[first : first + runtime.batch]
            results += run_episodes(tasks[: len(group)], runtime, group)
        cpu_s = time.process_time() - begun
        steps = sum(result.steps for result in results)
        return cls(steps, cpu_s, runtime.inference_s - inferred, [result.actions for result in results])


class Room:
    """Environments of one task, and what each of them took: CPU seconds and MB until its first image, medians of all
    but the first, for which libraries are loaded."""

    def __init__(self, task: str, size: int) -> None:
        self.tasks: list[Task] = []
        costs = []
        for _ in range(size):
            cpu_s, memory_mb = time.process_time(), _memory_mb()
            self.tasks.append(make_task(task))
            self.tasks[-1].reset(0)
            self.tasks[-1].observe()
            costs.append((time.process_time() - cpu_s, _memory_mb() - memory_mb))
        self.open_s, self.open_mb = np.median(costs[1:], axis=0).tolist() if size > 1 else (None, None)

    def close(self) -> None:
        for task in self.tasks:
            task.close()


def _memory_mb() -> float:
    """What this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def evaluation(checkpoints: list[Path], environments: list[int], episodes: int, rounds: int) -> list[dict[str, Any]]:
    """Closed-loop episodes of policies of one task in one process, as each worker of sdm-evaluate runs them.

    Each round runs the same episodes with every policy and number of environments in turn, so that a drift of the
    machine meets them alike. `identical`: how many of them have, bit for bit, the commands of the first number.
    """
    runtimes = {(path, number): TimedRuntime(path, batch=number) for path in checkpoints for number in environments}
    short = [f"{path}" for (path, number), runtime in runtimes.items() if runtime.batch != number]
    if short:
        raise SystemExit(f"{short[0]} was exported for one observation: give --environments 1, or export it again")
    (task,) = {runtime.contract.task for runtime in runtimes.values()}
    room = Room(task, max(environments))
    attempts = [Attempt(30_000 + index, 30_000 + index) for index in range(episodes)]
    measured: dict[tuple[Path, int], list[Round]] = {key: [] for key in runtimes}
    for _ in range(rounds):
        for key, runtime in runtimes.items():
            measured[key].append(Round.of(runtime, room.tasks, attempts))
    room.close()
    lines = []
    for (path, number), times in measured.items():
        reference = measured[path, environments[0]][0].actions
        lines.append(
            {
                "kind": "evaluation",
                "task": task,
                "checkpoint": str(path),
                "nfe": runtimes[path, number].checkpoint.nfe,
                "environments": number,
                "episodes": episodes,
                "rounds": rounds,
                "steps": times[0].steps,
                "cpu_s": round(median(one.cpu_s for one in times), 2),
                "steps_per_s": round(median(one.steps / one.cpu_s for one in times), 1),
                "inference_share": round(median(one.inference_s / one.cpu_s for one in times), 3),
                "identical": sum(map(np.array_equal, times[0].actions, reference)),
                "open_s": room.open_s and round(room.open_s, 2),
                "open_mb": room.open_mb and round(room.open_mb),
                **origin(),
            }
        )
    return lines


def noise(repeats: int) -> list[dict[str, Any]]:
    """CPU milliseconds of a D4xx's noise on a picture of a box before a wall."""
    lines = []
    for (width, height), fovy_deg in IMAGES.items():
        focal_px = height / 2 / math.tan(math.radians(fovy_deg / 2))
        depth = np.full((height, width), 1000, np.uint16)
        depth[height // 4 : 3 * height // 4, width // 3 : 2 * width // 3] = 700
        times = []
        for index in range(repeats):
            begun = time.process_time_ns()
            CAMERAS["d4xx"].image(depth, focal_px, np.random.default_rng([0, index]))
            times.append((time.process_time_ns() - begun) / 1e6)
        p50, p99 = np.percentile(times, [50, 99])
        lines.append(
            {
                "kind": "timing",
                "what": "depth_noise",
                "variant": f"{width}×{height}, CPU time",
                "device": "cpu",
                "threads": 1,
                "backend": "numpy",
                "p50_ms": round(float(p50), 4),
                "p99_ms": round(float(p99), 4),
                "n": repeats,
                **origin(),
            }
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("demos", "evaluation", "noise"))
    parser.add_argument("--family", default="metaworld")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--checkpoints", type=Path, nargs="+", default=[Path("models/metaworld_drawer-open_sdm")])
    parser.add_argument("--environments", type=int, nargs="+", default=[1])
    parser.add_argument("--episodes", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=200)
    options = parser.parse_args()
    file = RESULTS / ("timing.jsonl" if options.what == "noise" else "tasks.jsonl")
    if options.what == "demos":
        lines = [demonstrations(options.family, options.workers)]
    elif options.what == "evaluation":
        lines = evaluation(options.checkpoints, options.environments, options.episodes, options.rounds)
    else:
        lines = noise(options.repeats)
    for line in lines:
        append_result(file, line)
        print(line)


if __name__ == "__main__":
    main()
