"""Demonstrations as a noisy depth camera might have shown them: further takes of every cloud, to train on as well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import DatasetError
from sdm_core.perception.depth_noise import CAMERAS
from sdm_core.perception.point_cloud import CloudPipeline
from sdm_sim.registry import make_task, task_names

# So many noisy takes beside the clean one: a training of some thousand steps sees each of them many times.
TAKES = 8


@dataclass(frozen=True)
class NoisyTakes:
    """The noise of `camera`, repeatable by `seed`, on the clouds of a simulated task's store.

    Where the store holds depth, the noise is put onto that, and the cloud made of it anew. Else the stored points
    themselves are moved along their rays and some lost: what the crop had taken away, as a table just below its box,
    cannot come back, and edges are not known. `sdm-demos keep_depth=true` stores depth.
    """

    camera: str
    seed: int

    def of(self, store: EpisodeStore) -> tuple[NDArray[np.float32], ...]:
        """TAKES times point_cloud [R,N,channels]. Raises DatasetError where there is no cloud, no simulated camera, or
        one that was noisy already."""
        name, spec = store.contract.task, store.contract.observation.cloud
        if spec is None:
            raise DatasetError(f"{store.path}: holds no clouds that camera_noise could be put onto; leave it out")
        if name not in task_names():
            raise DatasetError(f"{store.path}: {name} is not simulated, its camera has real noise; leave it out")
        if any("camera_noise" in entry for entry in store.provenance):
            raise DatasetError(f"{store.path}: was recorded with camera_noise, which is not put on twice; leave it out")
        if "depth" in store and spec.coloured:
            raise DatasetError(
                f"{store.path}: holds coloured clouds and no colour of the stored depth's other pixels, which noise "
                "brings into the crop; leave camera_noise out, or record without colour"
            )
        task = make_task(name)
        intrinsics, extrinsics = task.intrinsics, task.extrinsics
        task.close()
        camera, pipeline = CAMERAS[self.camera], CloudPipeline(spec)

        def from_depth(depth: NDArray, random: np.random.Generator) -> NDArray[np.float32]:
            noisy = camera.image(depth, intrinsics.fx, random)
            return pipeline.from_depth(noisy, "16UC1", intrinsics, extrinsics)

        def from_cloud(points: NDArray, random: np.random.Generator) -> NDArray[np.float32]:
            return pipeline.from_points(camera.cloud(points[points.any(1)], extrinsics, random), None)

        if "depth" in store:
            rows, take = store.read("depth"), from_depth
        else:
            rows, take = store.read("point_cloud"), from_cloud
        return tuple(
            np.stack([take(row, np.random.default_rng([self.seed, number, index])) for index, row in enumerate(rows)])
            for number in range(TAKES)
        )
