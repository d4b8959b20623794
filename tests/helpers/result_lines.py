"""Result lines as sdm-evaluate writes them, for tests of what is made from them."""

from __future__ import annotations

from typing import Any

from sdm_core.results import wilson
from sdm_training.report.lines import PROTOCOL


def success_line(task: str, method: str, nfe: int, outcomes: str, **others: Any) -> dict[str, Any]:
    """A success line of the reported protocol; `others` overrule its entries."""
    low, high = wilson(outcomes.count("1"), len(outcomes))
    return {
        **PROTOCOL,
        "task": task,
        "method": method,
        "nfe": nfe,
        "episodes": len(outcomes),
        "successes": outcomes.count("1"),
        "outcomes": outcomes,
        "ci95": [low, high],
        "action_error": {"train": {"demonstrations": 0.01}},
        "train_s": 120.0,
        "machine": "a machine",
        **others,
    }


def latency_line(method: str, nfe: int, latency_ms: float, outcomes: str = "1110", **others: Any) -> dict[str, Any]:
    """A success line of a world that does not wait; `others` overrule its entries."""
    latency = {"mode": "realtime", "latency": "injected", "latency_ms": latency_ms, "answer_ms": 0.0, "chunk_ms": 100.0}
    return success_line("metaworld/push-wall", method, nfe, outcomes, **{**latency, **others})


def timing_line(variant: str, p50_ms: float, **others: Any) -> dict[str, Any]:
    """A timing of inference on the hardware that is reported; `others` overrule its entries."""
    return {
        "kind": "timing",
        "what": "infer",
        "variant": variant,
        "device": "cpu",
        "backend": "openvino",
        "threads": 1,
        "p50_ms": p50_ms,
        "p99_ms": 2 * p50_ms,
        "n": 9,
        **others,
    }


def wire_line(p50_ms: float, **others: Any) -> dict[str, Any]:
    """A message's latency on the embedded runtime; `others` overrule its entries."""
    measured = {"delivered": 0.9991, "goal_ms": 0.4, "goal_delivered": None, "load": 1.25, "machine": "a machine"}
    return timing_line("200 Hz", p50_ms, **{"what": "wire/JointState", "backend": "embedded", **measured, **others})
