"""The zeros that fill a cloud of too few points."""

from __future__ import annotations

import torch
from torch import Tensor


def fill_padding(clouds: Tensor) -> Tensor:
    """Clouds [..., N, channels] with each padding point (all zeros) replaced by the cloud's first point, a real one.

    A repeated point leaves a max-pool unchanged; a zero, far from a centred cloud, would not, and would come and go
    with the random subset of a training step.
    """
    padding = (clouds == 0).all(-1, keepdim=True)
    return torch.where(padding, clouds[..., :1, :], clouds)
