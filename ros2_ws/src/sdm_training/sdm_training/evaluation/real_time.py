"""Success against latency: what a policy's own is, what is evaluated at one, and what has been evaluated before."""

from __future__ import annotations

import hashlib
import statistics
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from sdm_core.checkpoint import Checkpoint
from sdm_core.results import read_results
from sdm_core.runtime.observation_window import ObservationWindow
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_core.runtime.state_vector import StateVector
from sdm_sim.perception import Perception
from sdm_sim.registry import make_task
from sdm_sim.task import Task

INJECTED, MEASURED = "injected", "measured"
# Answers of which the median is taken.
_REPEATS = 200


def measured_answer_ms(checkpoint: Checkpoint, task: str, backend: str) -> float:
    """The median time that this machine takes for an answer of the policy in a task, rounded as lines keep it."""
    with closing(make_task(task)) as world:
        return round(_answer_ms(world, PolicyRuntime(checkpoint, backend)), 3)


def cell(checkpoint: Checkpoint, task: str, latency: str, latency_ms: float, **protocol: Any) -> dict[str, Any]:
    """The entries of a result line that tell one cell of a latency curve from all others; None where one is absent.

    `latency_ms` is injected; where `latency` is `measured`, the policy's own answering time comes on top.
    """
    return {
        "task": task,
        "mode": "realtime",
        "latency": latency,
        "latency_ms": latency_ms,
        "model_sha256": hashlib.sha256(checkpoint.network.read_bytes()).hexdigest(),
        **protocol,
    }


def is_there(results: str | Path, wanted: dict[str, Any]) -> bool:
    """Whether a line of the file has all entries of a cell."""
    return any(all(line.get(key) == value for key, value in wanted.items()) for line in read_results(results))


def _answer_ms(task: Task, runtime: PolicyRuntime) -> float:
    """The median over many answers to the first frame of an episode, from the image to the chunk that answers it:
    perception, window and inference, in ms.

    CPU time of this process, so that others do not count; with the runtime on one thread that is what passes on a quiet
    machine.
    """
    contract = runtime.contract
    perception = Perception(contract, task.intrinsics, task.extrinsics)
    task.reset(0)
    frame = task.observe(depth=perception.needs_depth, images=perception.needs_images)
    state = StateVector(contract.observation.state).gather(frame.names, frame.values)

    def answer() -> None:
        window = ObservationWindow(contract)
        window.add_state(0, state)
        cloud = perception.cloud(frame)
        if cloud is not None:
            window.add_cloud(0, cloud)
        window.add_images(0, perception.images(frame))
        runtime.infer(window.policy_input(0))

    times = []
    for _ in range(_REPEATS):
        begun = time.process_time()
        answer()
        times.append(1e3 * (time.process_time() - begun))
    return statistics.median(times)
