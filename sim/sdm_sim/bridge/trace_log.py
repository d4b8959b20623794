"""Keeps every PolicyTrace as a JSON line; latency figures are computed from them."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

from rclpy.time import Time
from sdm_core.results import append_result
from sdm_interfaces.msg import PolicyTrace


class TraceLog:
    """Traces are taken as they come, and written between episodes: no file is touched while the world runs."""

    def __init__(self, path: str) -> None:
        """An empty path keeps nothing."""
        self._path = Path(path) if path else None
        self._lines: deque[dict[str, Any]] = deque()

    def add(self, node: str, mode: str, seed: int, trace: PolicyTrace) -> None:
        """Takes a trace of `node` in the episode of `seed`."""
        if self._path is None:
            return
        self._lines.append(
            {
                "kind": "trace",
                "node": node,
                "mode": mode,
                "seed": seed,
                "observation_ns": Time.from_msg(trace.observation_stamp).nanoseconds,
                "sequence": trace.sequence,
                "commands": trace.commands,
                "cloud_ms": trace.cloud_ms,
                "inference_ms": trace.inference_ms,
                "gate_publish_ms": trace.gate_publish_ms,
                "loop_ms": trace.loop_ms,
                "interventions": list(trace.interventions),
                "refusal": trace.refusal,
            }
        )

    def write(self) -> None:
        """Appends what has come since the last call."""
        while self._path and self._lines:
            append_result(self._path, self._lines.popleft())
