"""What a policy is shown, as tensors in raw units."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Observation(NamedTuple):
    """state [B, T, S]; point_cloud [B, C, N, channels] in metres and the base frame; images of each camera
    [B, I, 3, H, W], rgb in uint8. What a policy does not see is None."""

    state: Tensor
    point_cloud: Tensor | None
    images: dict[str, Tensor] | None = None


class Batch(NamedTuple):
    """Training windows: observations, the demonstrated chunks [B, H, A] in raw units, and the conditions [B, D] of a
    frozen encoder (None where the encoder is trained)."""

    observation: Observation
    action: Tensor
    condition: Tensor | None = None
