"""Latency of each part on this machine, as `timing` lines: perception and inference alone, then the loop on the graph.

    python benchmarks/latency.py [--task metaworld/push-wall] [--repeats 500] [--only clouds parts loop]
    python benchmarks/latency.py --policies runs/…/export runs/…/export_nfe10

Student at 1 step and its teacher at 10 are timed in turn, so that a drift of the machine meets both alike. A line has
the histogram of its times, too, and the machine's load average while they were taken.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sdm_core.checkpoint import Checkpoint
from sdm_core.contract import Contract
from sdm_core.perception.point_cloud import CameraPoints, CloudPipeline, Extrinsics
from sdm_core.results import append_result
from sdm_core.runtime.observation_window import PolicyInput
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_core.runtime.state_vector import StateVector
from sdm_sim.demo.runs import Run, measure
from sdm_sim.demo.summary import PARTS, latencies
from sdm_sim.franka.cell import FrankaTask
from sdm_sim.franka.pick_place import PickPlace
from sdm_sim.perception import Perception
from sdm_sim.registry import make_task
from sdm_training.provenance import origin

RESULTS = Path("benchmarks/results/timing.jsonl")
BIN_RATIO = 1.1
"""The histograms' bins are so much wider from one to the next, on a grid that begins or ends a bin at 1 ms."""
REALSENSE_SIZE, NOISE_MM = (640, 480), 1.0
GRAPH_NAMES = {
    "cloud_ms": "graph/depth_to_cloud",
    "inference_ms": "graph/infer",
    "gate_publish_ms": "gate_publish",
    "loop_ms": "loop",
}


def record(what: str, variant: str, backend: str, values: list[float] | np.ndarray) -> None:
    """Appends a line for times in ms, and prints it."""
    p50, p99 = np.percentile(values, [50, 99])
    print(f"{what:22} {variant:32} {backend:12} p50 {p50:7.3f} ms   p99 {p99:7.3f} ms   n {len(values)}")
    append_result(
        RESULTS,
        {
            "kind": "timing",
            "what": what,
            "variant": variant,
            "device": "cpu",
            "threads": 1,
            "backend": backend,
            "p50_ms": round(float(p50), 4),
            "p99_ms": round(float(p99), 4),
            "n": len(values),
            **histogram(values),
            "load": round(os.getloadavg()[0], 1),
            **origin(),
        },
    )


def histogram(values: list[float] | np.ndarray) -> dict[str, list[float]]:
    """How many times (ms) lie in each bin from the shortest's to the longest's, and the bins' edges."""
    bins = np.floor(np.log(values) / np.log(BIN_RATIO)).astype(int)
    edges = BIN_RATIO ** np.arange(bins.min(), bins.max() + 2)
    return {
        "histogram": np.bincount(bins - bins.min()).tolist(),
        "histogram_edges_ms": [round(float(edge), 4) for edge in edges],
    }


def timed(call: Callable[[], object]) -> float:
    """Milliseconds that a call takes."""
    begin = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - begin) / 1e6


def parts(task_name: str, models: Path, repeats: int) -> None:
    """Perception, and inference of the shipped student and its teacher on both backends, without middleware."""
    observation, perceive, size = first_observation(task_name)
    record("depth_to_cloud", size, "numpy", [timed(perceive) for _ in range(repeats)])
    stem = task_name.replace("/", "_")
    shipped = {role: models / f"{stem}_{name}" for role, name in (("student", "sdm"), ("teacher", "teacher"))}
    infer({f"{role}, {Checkpoint.open(path).nfe} NFE": path for role, path in shipped.items()}, observation, repeats)


def policies(checkpoints: list[Path], repeats: int) -> None:
    """Inference of any checkpoints of one task on both backends, without middleware."""
    opened = [Checkpoint.open(path) for path in checkpoints]
    contract = opened[0].contract
    observation, _, _ = first_observation(contract.task, contract)
    named = {
        f"{one.metrics['method']}, {one.nfe} NFE, {one.metrics['network']} network": path
        for one, path in zip(opened, checkpoints, strict=True)
    }
    infer(named, observation, repeats)


def first_observation(
    task_name: str, contract: Contract | None = None
) -> tuple[PolicyInput, Callable[[], np.ndarray], str]:
    """What a policy of `contract`, None for the task's own, sees at the beginning, what makes the cloud of it, and the
    depth image's size in words."""
    task = make_task(task_name)
    contract = contract or task.contract
    perception = Perception(contract, task.intrinsics, task.extrinsics)
    states = StateVector(contract.observation.state)
    task.reset(0)
    frame = task.observe(images=perception.needs_images)
    task.close()
    assert frame.depth is not None

    def perceive() -> np.ndarray:
        cloud = perception.cloud(frame)
        assert cloud is not None
        return cloud

    state = np.repeat(states.gather(frame.names, frame.values)[None], contract.n_obs_steps, axis=0)
    return PolicyInput(0, state, perceive()[None]), perceive, f"{frame.depth.shape[1]}×{frame.depth.shape[0]}"


def infer(checkpoints: dict[str, Path], observation: PolicyInput, repeats: int) -> None:
    """Times checkpoints, by what lines are to call them, in turn."""
    runtimes = {
        (variant, backend): PolicyRuntime(path, backend)
        for variant, path in checkpoints.items()
        for backend in ("openvino", "onnxruntime")
    }
    times: dict[tuple[str, str], list[float]] = {key: [] for key in runtimes}
    for _ in range(repeats):
        for key, runtime in runtimes.items():
            times[key].append(timed(lambda runtime=runtime: runtime.infer(observation)))
    for (variant, backend), values in times.items():
        record("infer", variant, backend, values)


def clouds(repeats: int) -> None:
    """A RealSense's own resolution in the Franka cell: one camera, one that moves (its pose is another each time), and
    two that are joined. Depth is noisy, so that no image is the one before it. Of one core the time that it computes
    counts, whatever else the machine does."""
    task = FrankaTask("franka/pick-place", PickPlace(), REALSENSE_SIZE)
    task.reset(0)
    depth = task.observe().depth
    spec = task.contract.observation.cloud
    assert depth is not None
    assert spec is not None
    pipeline, random = CloudPipeline(spec), np.random.default_rng(0)
    noise = random.normal(0, NOISE_MM, (8, *depth.shape))
    images = np.where(depth > 0, np.rint(depth + noise).clip(1), 0).astype(np.uint16)
    metres = images.astype(np.float32) / 1000
    x, y, z = task.extrinsics.translation
    moved = [
        Extrinsics(task.extrinsics.quaternion_xyzw, (x + float(shift), y, z))
        for shift in random.uniform(-0.01, 0.01, repeats)
    ]
    task.close()

    def seen(index: int, encoding: str = "16UC1", pose: Extrinsics = task.extrinsics) -> CameraPoints:
        image = images[index % len(images)] if encoding == "16UC1" else metres[index % len(images)]
        return pipeline.depth_points(image, encoding, task.intrinsics, pose)

    variants: dict[str, Callable[[int], list[CameraPoints]]] = {
        "": lambda index: [seen(index)],
        ", 32FC1": lambda index: [seen(index, "32FC1")],
        ", moving camera": lambda index: [seen(index, pose=moved[index])],
        ", 2 cameras": lambda index: [seen(index), seen(index + 1)],
    }
    size, inside = "×".join(map(str, REALSENSE_SIZE)), len(seen(0).inside)
    for variant, observe in variants.items():
        values = []
        for index in range(repeats):
            begin = time.thread_time_ns()
            pipeline.fuse(observe(index))
            values.append((time.thread_time_ns() - begin) / 1e6)
        line = f"{size}{variant}, {inside} points in the box, CPU time"
        record("depth_to_cloud", line, "numpy", values[repeats // 10 :])


def loop(task_name: str, models: Path, episodes: int) -> None:
    """The graph in lockstep and in real time, from the nodes' traces."""
    stem = task_name.replace("/", "_")
    for mode in ("lockstep", "realtime"):
        for name in (f"{stem}_sdm", f"{stem}_teacher"):
            run = Run(Checkpoint.open(models / name), mode, episodes, seed0=20000)
            measured = measure(run, Path("outputs/latency"), lambda *_: None)
            for part in PARTS:
                record(GRAPH_NAMES[part], f"{run.label}, {mode}", "openvino", latencies(measured, part))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="metaworld/push-wall")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--policies", type=Path, nargs="+", help="only time these checkpoints' inference")
    parser.add_argument("--repeats", type=int, default=500)
    parser.add_argument("--episodes", type=int, default=10)
    parser.add_argument("--only", nargs="+", choices=("clouds", "parts", "loop"), default=("clouds", "parts", "loop"))
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if options.policies:
        policies(options.policies, options.repeats)
        return
    if "clouds" in options.only:
        clouds(options.repeats)
    if "parts" in options.only:
        parts(options.task, options.models, options.repeats)
    if "loop" in options.only:
        loop(options.task, options.models, options.episodes)


if __name__ == "__main__":
    main()
