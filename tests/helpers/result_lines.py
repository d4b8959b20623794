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
        "machine": "two cores",
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


def demo_line(**others: Any) -> dict[str, Any]:
    """A run of the demo of which no inference was timed; `others` overrule its entries."""
    return {
        "kind": "demo",
        "task": "metaworld/sweep",
        "policy": "student, 1 step",
        "mode": "lockstep",
        "episodes": 5,
        "successes": 5,
        "control_hz": 200.4,
        "missed": 0.025,
        "cloud_ms": [1.0, 2.0],
        "inference_ms": None,
        "gate_publish_ms": [0.4, 0.8],
        "loop_ms": [3.1, 4.5],
        "commit": "0123456789ab",
        "machine": "a machine",
        **others,
    }


def fault_line(fault: str = "camera_silent", **changes: Any) -> dict[str, Any]:
    """A fault within its bar; `changes` overrule its entries."""
    return {
        "kind": "fault", "fault": fault, "what": "nothing comes", "world": "cell", "expected": "stops", "trials": 100,
        "p50_ms": 90.4, "max_ms": 141.2, "rest_max_ms": 260.0, "bar_ms": 150.0, "went_on": 0, "motion_share": 0.2,
        "window_ms": 400, "limit_violations": 0, "outcome": "held (policy_refuses); resumes by itself",
        "refusal": "no image | for 90 ms", "load": 0.8, "commit": "abc", "machine": "a machine", "date": "2026-01-01",
        **changes,
    }  # fmt: skip


def streaming_line(**changes: Any) -> dict[str, Any]:
    """Half an hour at 100 Hz; `changes` overrule its entries."""
    return {
        "kind": "streaming", "minutes": 30.0, "rate_hz": 100.0, "missed_share": 0.0016, "bare_missed_share": 0.0005,
        "allowed_share": 0.001, "longest_ms": 31.0, "bare_longest_ms": 22.0, "rss_mib": {"command_node": 80.0},
        "growth_mib": {"command_node": 0.25}, "threads": {"command_node": 12}, "threads_grown": {"command_node": 0},
        "histogram_edges_ms": [0, 9, 11, 15, 100], "histogram": [2, 90, 7, 1], "bare_histogram": [0, 99, 1, 0],
        "load": 1.5, "machine": "a machine", **changes,
    }  # fmt: skip
