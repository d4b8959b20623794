"""Success against latency: what is evaluated at one latency, and what has been evaluated before."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path
from typing import Any

from sdm_core.checkpoint import Checkpoint
from sdm_core.results import read_results
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_sim.answer_time import answer_ms
from sdm_sim.registry import make_task

INJECTED, MEASURED = "injected", "measured"


def measured_answer_ms(checkpoint: Checkpoint, task: str, backend: str) -> float:
    """The median time that this machine takes for an answer of the policy in a task, rounded as lines keep it."""
    with closing(make_task(task)) as world:
        return round(answer_ms(world, PolicyRuntime(checkpoint, backend)), 3)


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
