"""A real depth camera's noise on a simulated one: off, or as `camera_noise` of a run names it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sdm_core.perception.depth_noise import noisy_camera
from sdm_core.perception.point_cloud import Intrinsics

from sdm_sim.task import SensorFrame

# Beside the episode's seed and the step, so that no generator of a task's own begins alike.
_STREAM = 7
_HAND = 1


class CameraNoise:
    """Noise drawn of an episode's seed and the control step alone: a frame is the same driven directly, behind topics,
    and looked at twice. Each camera has noise of its own."""

    def __init__(self, name: str | None, intrinsics: Intrinsics, hand: Intrinsics | None = None) -> None:
        """`hand`: of the camera at the robot's hand, where it has one. Raises SdmError where nobody knows a camera of
        that name."""
        self._camera, self._focal_px = noisy_camera(name), intrinsics.fx
        self._hand_focal_px = hand.fx if hand else None

    def apply(self, frame: SensorFrame, seed: int, step: int) -> SensorFrame:
        """The frame with depth as the camera gives it at that step of the episode of `seed`."""
        if self._camera is None or frame.depth is None:
            return frame
        depth = self._camera.image(frame.depth, self._focal_px, np.random.default_rng([seed, _STREAM, step]))
        if frame.hand_depth is None or self._hand_focal_px is None:
            return replace(frame, depth=depth)
        random = np.random.default_rng([seed, _STREAM, step, _HAND])
        hand_depth = self._camera.image(frame.hand_depth, self._hand_focal_px, random)
        return replace(frame, depth=depth, hand_depth=hand_depth)
