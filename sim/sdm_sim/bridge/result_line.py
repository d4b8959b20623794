"""An episode on the graph as a result line."""

from __future__ import annotations

from typing import Any

from sdm_sim.bridge.episode import Outcome
from sdm_sim.bridge.parameters import BridgeParameters


def result_line(settings: BridgeParameters, outcome: Outcome) -> dict[str, Any]:
    """What an episode came to, and how the bridge was set at its end."""
    return {
        "kind": "episode",
        "task": settings.task,
        "checkpoint": settings.checkpoint.rstrip("/").rpartition("/")[2],
        "mode": settings.mode,
        "seed": outcome.seed,
        "success": outcome.success,
        "steps": outcome.steps,
        "misses": outcome.misses,
        "refused": outcome.refused,
        "late_commands": outcome.late_commands,
        "late_steps": outcome.late_steps,
        "dropped_images": outcome.dropped_images,
        "pushes": outcome.pushes,
        "control_hz": round(outcome.rate_hz, 3),
        "wall_s": round(outcome.wall_s, 4),
        "real_time_factor": settings.real_time_factor,
        "latency_ms": settings.latency_ms,
        "drop_rate": settings.drop_rate,
        "depth_noise_mm": settings.depth_noise_mm,
        "camera_noise": settings.camera_noise,
    }
