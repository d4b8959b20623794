"""What a contract makes of a task's sensor frames: the very clouds and images that a node makes of its messages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import Contract
from sdm_core.perception.images import ImagePipeline
from sdm_core.perception.point_cloud import CloudPipeline, Extrinsics, Intrinsics

from sdm_sim.task import SensorFrame


class Perception:
    """Clouds and images as far as the contract observes them, of cameras that stand still."""

    def __init__(self, contract: Contract, intrinsics: Intrinsics, extrinsics: Extrinsics) -> None:
        cloud = contract.observation.cloud
        self._clouds = CloudPipeline(cloud) if cloud else None
        self._images = {spec.camera: ImagePipeline(contract, spec) for spec in contract.observation.images}
        self._point_colour = contract.observation.depth_cameras[0].name if cloud and cloud.coloured else None
        self._intrinsics, self._extrinsics = intrinsics, extrinsics

    @property
    def needs_depth(self) -> bool:
        """Whether frames must have a depth image."""
        return self._clouds is not None

    @property
    def needs_images(self) -> bool:
        """Whether frames must have colour images."""
        return bool(self._images) or self._point_colour is not None

    def cloud(self, frame: SensorFrame) -> NDArray[np.float32] | None:
        """The contract's cloud float32[N,channels], None where it has none. Raises ObservationError on an empty one."""
        if self._clouds is None:
            return None
        assert frame.depth is not None
        colour = frame.images[self._point_colour] if self._point_colour else None
        return self._clouds.from_depth(frame.depth, "16UC1", self._intrinsics, self._extrinsics, colour)

    def images(self, frame: SensorFrame) -> dict[str, NDArray[np.uint8]]:
        """The contract's image rgb8 uint8[H,W,3] of each camera."""
        return {camera: pipeline.image(frame.images[camera]) for camera, pipeline in self._images.items()}
