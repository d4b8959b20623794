"""Colour images as a network takes them. Depth images are never resized: see point_cloud.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sdm_core.errors import ObservationError


def resize_crop(
    image: NDArray[np.uint8], size: tuple[int, int], crop: tuple[int, int, int, int] | None = None
) -> NDArray[np.uint8]:
    """rgb8 [H,W,3] cut to `crop` = (left, top, width, height) pixels, then resized (area average) to `size` = (width,
    height)."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ObservationError(f"image of shape {image.shape} and type {image.dtype} given, rgb8 [H,W,3] expected")
    if crop is not None:
        left, top, width, height = crop
        fits = left >= 0 and top >= 0 and left + width <= image.shape[1] and top + height <= image.shape[0]
        if not fits or width < 1 or height < 1:
            raise ObservationError(
                f"crop {crop} is empty or leaves the image of {image.shape[1]}×{image.shape[0]} pixels; "
                "give left, top, width, height within it"
            )
        image = image[top : top + height, left : left + width]
    if image.shape[1::-1] == size:
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
