"""What a real camera does to its images: depth is noisy; some are lost, with all streams of their instant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdm_sim.camera_noise import CameraNoise
from sdm_sim.task import SensorFrame


class CameraFaults:
    """Puts a depth camera's noise onto the images, adds Gaussian noise to valid depth, and loses a share of them.

    An episode's seed repeats it exactly.
    """

    def __init__(self, drop_rate: float, noise_mm: float, noise: CameraNoise) -> None:
        self._drop_rate, self._noise_mm, self._noise = drop_rate, noise_mm, noise
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Begins the episode of a seed."""
        self._seed, self._random = seed, np.random.default_rng([seed, 1])
        self.dropped = 0

    def apply(self, frame: SensorFrame, step: int) -> SensorFrame:
        """The frame of a control step with its images as they arrive, or without any if they are lost."""
        if frame.depth is None and not frame.images:
            return frame
        if self._lost():
            return replace(frame, depth=None, hand_depth=None, images={})
        frame = self._noise.apply(frame, self._seed, step)
        return replace(frame, depth=self._noisy(frame.depth), hand_depth=self._noisy(frame.hand_depth))

    def _lost(self) -> bool:
        lost = bool(self._drop_rate) and self._random.random() < self._drop_rate
        self.dropped += lost
        return lost

    def _noisy(self, depth: NDArray[np.uint16] | None) -> NDArray[np.uint16] | None:
        if depth is None or not self._noise_mm:
            return depth
        noisy = np.rint(depth + self._random.normal(0.0, self._noise_mm, depth.shape))
        return np.where(depth > 0, np.clip(noisy, 1, np.iinfo(np.uint16).max), 0).astype(np.uint16)
