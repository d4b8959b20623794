"""Builds a demonstration from sensor frames, with the very clouds and states that a policy gets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import Contract
from sdm_core.dataset import Episode
from sdm_core.point_cloud import CloudPipeline, Extrinsics, Intrinsics
from sdm_core.state_vector import StateVector

from sdm_sim.task import SensorFrame


class EpisodeBuilder:
    """Collects an episode step by step; `keep_depth` also stores the raw depth images."""

    def __init__(
        self, contract: Contract, intrinsics: Intrinsics, extrinsics: Extrinsics, keep_depth: bool = False
    ) -> None:
        assert contract.observation.cloud is not None
        self._clouds, self._states = CloudPipeline(contract.observation.cloud), StateVector(contract.observation.state)
        self._intrinsics, self._extrinsics = intrinsics, extrinsics
        self._keep_depth = keep_depth
        self._rows: dict[str, list[NDArray]] = {"state": [], "action": [], "point_cloud": [], "depth": []}

    def add(self, frame: SensorFrame, action: NDArray) -> None:
        """One step: what was observed, with its depth image, and the action [A] that followed."""
        assert frame.depth is not None
        self._rows["state"].append(self._states.gather(frame.names, frame.values))
        self._rows["action"].append(action)
        self._rows["point_cloud"].append(
            self._clouds.from_depth(frame.depth, "16UC1", self._intrinsics, self._extrinsics)
        )
        if self._keep_depth:
            self._rows["depth"].append(frame.depth)

    def episode(self) -> Episode:
        """What was collected, at least one step of it."""
        rows = {name: np.stack(values) for name, values in self._rows.items() if values}
        return Episode(
            rows["state"].astype(np.float32),
            rows["action"].astype(np.float32),
            rows["point_cloud"],
            {"depth": rows["depth"]} if self._keep_depth else {},
        )
