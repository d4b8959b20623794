"""Scales, offsets and frames of a foreign normaliser, and how they pass into a contract's ranges or a first layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from sdm_core.contract import Bounds
from sdm_core.errors import CheckpointError
from torch import Tensor


@dataclass(frozen=True)
class LinearMap:
    """y = matrix · x + offset for x [D], in float64."""

    matrix: Tensor
    offset: Tensor

    @classmethod
    def scaling(cls, scale: Tensor, offset: Tensor) -> LinearMap:
        """y = scale · x + offset, each entry by itself."""
        return cls(torch.diag(scale.double()), offset.double())

    @classmethod
    def from_unit_range(cls, low: object, high: object) -> LinearMap:
        """[-1, 1] → [low, high]: the inverse of how a policy normalises its inputs."""
        lows, highs = (torch.tensor(values, dtype=torch.float64) for values in (low, high))
        return cls.scaling((highs - lows) / 2, (highs + lows) / 2)

    def after(self, first: LinearMap) -> LinearMap:
        """This map of `first`'s result."""
        return LinearMap(self.matrix @ first.matrix, self.matrix @ first.offset + self.offset)

    def into_layer(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Weight and bias of the linear layer that does to x what the given one does to y."""
        folded, shift = weight.double() @ self.matrix, weight.double() @ self.offset
        return folded.float(), (bias.double() + shift).float()


def dp3_normaliser(tensors: Mapping[str, Tensor], field: str, size: int) -> tuple[Tensor, Tensor]:
    """Scale and offset [size] of DP3's normaliser for `field`; of coloured clouds the positions' alone."""
    found = []
    for part in ("scale", "offset"):
        name = f"normalizer.params_dict.{field}.{part}"
        if name not in tensors or len(tensors[name]) < size:
            raise CheckpointError(f"holds no '{name}' of {size} entries: the normaliser must be saved with the model")
        found.append(tensors[name][:size].double())
    return found[0], found[1]


def unit_range(scale: Tensor, offset: Tensor) -> Bounds:
    """The range that x → scale · x + offset maps to [-1, 1]."""
    low, high = (-1 - offset) / scale, (1 - offset) / scale
    return Bounds(low=tuple(low.tolist()), high=tuple(high.tolist()))
