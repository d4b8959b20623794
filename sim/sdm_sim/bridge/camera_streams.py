"""Which images the simulated camera publishes, and how often."""

from __future__ import annotations

from dataclasses import dataclass

from sdm_sim.task import SensorFrame, Task


@dataclass(frozen=True)
class CameraStreams:
    """Images every `period` control steps: depth, the colour of the cameras that are named, or both at once.

    aligned: depth in the pixels of colour.
    """

    period: int
    depth: bool = True
    colour: frozenset[str] = frozenset()
    aligned: bool = False

    def observe(self, task: Task, step: int) -> SensorFrame:
        """What the task's sensors show at a step, with the images that are due."""
        due = step % self.period == 0
        return task.observe(depth=due and self.depth, images=due and bool(self.colour))
