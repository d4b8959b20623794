"""How fast demonstrations are made and policies evaluated, with clouds, on this machine's cores.

    python benchmarks/demonstrations.py demos [--family metaworld] [--workers 2]
    python benchmarks/demonstrations.py evaluation [--checkpoint models/metaworld_drawer-open_sdm] [--episodes 20]
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
from pathlib import Path
from typing import Any

import numpy as np
from sdm_core.action_chunk import ActionChunk
from sdm_core.dataset import EpisodeStore
from sdm_core.depth_noise import CAMERAS
from sdm_core.observation_window import PolicyInput
from sdm_core.policy_runtime import PolicyRuntime
from sdm_core.provenance import origin
from sdm_core.results import append_result
from sdm_sim.registry import make_task, tasks_named
from sdm_sim.rollout import run_episode

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

    def infer(self, observation: PolicyInput) -> ActionChunk:
        begun = time.process_time()
        try:
            return super().infer(observation)
        finally:
            self.inference_s += time.process_time() - begun


def evaluation(checkpoint: Path, episodes: int) -> dict[str, Any]:
    """Closed-loop episodes of a policy in one process, as each worker of sdm-evaluate runs them."""
    runtime = TimedRuntime(checkpoint)
    task = make_task(runtime.contract.task)
    run_episode(task, runtime, 29_999)  # renderers and caches are made
    runtime.inference_s = 0.0
    begun = time.process_time()
    steps = sum(run_episode(task, runtime, 30_000 + index).steps for index in range(episodes))
    cpu_s = time.process_time() - begun
    task.close()
    return {
        "kind": "evaluation",
        "task": task.name,
        "checkpoint": str(checkpoint),
        "nfe": runtime.checkpoint.nfe,
        "episodes": episodes,
        "steps": steps,
        "cpu_s": round(cpu_s, 2),
        "steps_per_s": round(steps / cpu_s, 1),
        "inference_share": round(runtime.inference_s / cpu_s, 3),
        **origin(),
    }


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
    parser.add_argument("--checkpoint", type=Path, default=Path("models/metaworld_drawer-open_sdm"))
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=200)
    options = parser.parse_args()
    file = RESULTS / ("timing.jsonl" if options.what == "noise" else "tasks.jsonl")
    if options.what == "demos":
        lines = [demonstrations(options.family, options.workers)]
    elif options.what == "evaluation":
        lines = [evaluation(options.checkpoint, options.episodes)]
    else:
        lines = noise(options.repeats)
    for line in lines:
        append_result(file, line)
        print(line)


if __name__ == "__main__":
    main()
