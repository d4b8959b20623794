"""Builds a demonstration from sensor frames, with the very clouds, images and states that a policy gets."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import Episode, image_arrays
from sdm_core.perception.point_cloud import Extrinsics, Intrinsics
from sdm_core.runtime.state_vector import StateVector

from sdm_sim.perception import Perception
from sdm_sim.task import SensorFrame


class EpisodeBuilder:
    """Collects an episode step by step; `keep_depth` also stores the raw depth images."""

    def __init__(
        self, contract: Contract, intrinsics: Intrinsics, extrinsics: Extrinsics, keep_depth: bool = False
    ) -> None:
        self._perception = Perception(contract, intrinsics, extrinsics)
        self._states = StateVector(contract.observation.state)
        self._image_names = {image.camera: name for name, image in image_arrays(contract).items()}
        self._keep_depth = keep_depth
        self._rows: defaultdict[str, list[NDArray]] = defaultdict(list)

    @property
    def needs_images(self) -> bool:
        """Whether frames must have colour images."""
        return self._perception.needs_images

    def add(self, frame: SensorFrame, action: NDArray) -> None:
        """One step: what was observed, with all that the contract observes, and the action [A] that followed."""
        self._rows["state"].append(self._states.gather(frame.names, frame.values).astype(np.float32))
        self._rows["action"].append(action.astype(np.float32))
        cloud = self._perception.cloud(frame)
        if cloud is not None:
            self._rows["point_cloud"].append(cloud)
        for camera, image in self._perception.images(frame).items():
            self._rows[self._image_names[camera]].append(image)
        if self._keep_depth:
            assert frame.depth is not None
            self._rows["depth"].append(frame.depth)

    def episode(self) -> Episode:
        """What was collected, at least one step of it."""
        rows = {name: np.stack(values) for name, values in self._rows.items()}
        return Episode(rows.pop("state"), rows.pop("action"), rows.pop("point_cloud", None), rows)
