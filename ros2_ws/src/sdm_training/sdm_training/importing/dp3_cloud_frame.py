"""The frame in which DP3's MetaWorld clouds are given.

Its generator turns the points as MetaWorld's first camera is turned (`topview`, which looks straight down) and not as
the one that took the picture, adds no position, and levels the result by two hand-set angles. So the table is level in
these clouds, but turned about the vertical, and the camera is the origin.
"""

from __future__ import annotations

import math

import torch
from sdm_core.perception.point_cloud import Extrinsics
from torch import Tensor

from sdm_training.importing.linear_map import LinearMap

# About x, after one about y.
_LEVELLING_DEG = (61.4, -7.0)
# topview's axes are the world's, and a camera looks along −z: its optical frame is turned half about x.
_TOPVIEW = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))


def world_to_dp3_metaworld(camera: Extrinsics) -> LinearMap:
    """World → DP3's cloud frame, in metres, for the pose of the camera that took the picture."""
    rotation = torch.from_numpy(camera.rotation).double()
    matrix = _levelling() @ _TOPVIEW @ rotation.T
    return LinearMap(matrix, -matrix @ torch.tensor(camera.translation, dtype=torch.float64))


def _levelling() -> Tensor:
    a, b = (math.radians(angle) for angle in _LEVELLING_DEG)
    about_x = [[1, 0, 0], [0, math.cos(a), math.sin(a)], [0, -math.sin(a), math.cos(a)]]
    about_y = [[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]]
    return torch.tensor(about_x, dtype=torch.float64) @ torch.tensor(about_y, dtype=torch.float64)
