"""What all worlds run their episodes with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sdm_sim.bridge.actuation import Actuation
from sdm_sim.bridge.camera_faults import CameraFaults
from sdm_sim.bridge.camera_streams import CameraStreams
from sdm_sim.bridge.controls import Controls
from sdm_sim.bridge.episode import Outcome
from sdm_sim.bridge.sensor_publisher import SensorPublisher
from sdm_sim.task import Task


@dataclass(frozen=True, eq=False)
class Means:
    """A task, what is published of it, and who may interfere. `warn` is told of each refusal."""

    task: Task
    sensors: SensorPublisher
    faults: CameraFaults
    warn: Callable[[str], None]
    streams: CameraStreams
    controls: Controls

    def outcome(
        self, seed: int, actuation: Actuation, wall_s: float, late_commands: int = 0, late_steps: int = 0
    ) -> Outcome:
        """What the episode that ends now came to."""
        return Outcome(
            seed,
            self.task.succeeded,
            actuation.stepped_with,
            misses=actuation.misses,
            refused=actuation.refused,
            late_commands=late_commands,
            late_steps=late_steps,
            dropped_images=self.faults.dropped,
            wall_s=wall_s,
            pushes=self.controls.pushes,
            abandoned=self.controls.abandoned,
            parts=actuation.parts,
        )
