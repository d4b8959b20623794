"""A camera's stored images, gathered window by window and cropped on the way."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sdm_core.contract import ImageSpec
from torch import Tensor

from sdm_training.draws import Draws


class ImageWindows:
    """Images uint8 [R, H, W, 3] and the rows [W, I] of every window, both on `device`."""

    def __init__(self, stored: NDArray[np.uint8], rows: NDArray[np.int64], spec: ImageSpec, device: torch.device):
        self._stored, self._rows = torch.from_numpy(stored).to(device), torch.from_numpy(rows).to(device)
        self.size = spec.seen_size
        self.crops = self.size != (stored.shape[2], stored.shape[1])

    def batch(self, indices: Tensor, draws: Draws | None = None) -> Tensor:
        """The windows' images uint8 [B, I, 3, h, w] of the seen size: random crops, each image its own as in Diffusion
        Policy, or without `draws` the middle ones."""
        rows = self._rows[indices]
        (width, height), (stored_height, stored_width) = self.size, self._stored.shape[1:3]
        if draws is None or not self.crops:
            return centre_crop(self._stored[rows].permute(0, 1, 4, 2, 3), self.size)
        top = draws.integers(0, stored_height - height, *rows.shape)[..., None, None]
        left = draws.integers(0, stored_width - width, *rows.shape)[..., None, None]
        down, across = (torch.arange(length, device=rows.device) for length in (height, width))
        pixels = self._stored[rows[..., None, None], top + down[:, None], left + across]
        return pixels.permute(0, 1, 4, 2, 3)


def centre_crop(images: Tensor, size: tuple[int, int]) -> Tensor:
    """The middle (width, height) pixels of images [..., H, W]."""
    width, height = size
    # As plain numbers, so that an exported network computes no shapes.
    top, left = (int(images.shape[-2]) - height) // 2, (int(images.shape[-1]) - width) // 2
    return images[..., top : top + height, left : left + width]
