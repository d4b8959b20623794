"""Colour images as a network takes them. Depth images are never resized: see point_cloud.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sdm_core.contract import Contract, ImageSpec
from sdm_core.errors import ObservationError

# What a camera may publish its colour as, and how its channels are read as rgb.
COLOUR_ENCODINGS = {"rgb8": slice(None), "bgr8": slice(None, None, -1)}


class ImagePipeline:
    """Makes a contract's image of what its colour camera gives."""

    def __init__(self, contract: Contract, spec: ImageSpec) -> None:
        camera = contract.observation.colour_camera(spec.camera)
        self.spec, self._width, self._height = spec, camera.width, camera.height

    def image(self, pixels: NDArray[np.uint8], encoding: str = "rgb8") -> NDArray[np.uint8]:
        """uint8[H,W,3] in `encoding` → rgb8 uint8[height,width,3] of the spec's size.

        Raises ObservationError on another encoding or size than the contract's camera has.
        """
        if encoding not in COLOUR_ENCODINGS:
            raise ObservationError(
                f"colour encoding '{encoding}' of camera '{self.spec.camera}' is not supported; "
                f"publish {' or '.join(COLOUR_ENCODINGS)}"
            )
        if pixels.shape[:2] != (self._height, self._width):
            raise ObservationError(
                f"colour image of camera '{self.spec.camera}' has {pixels.shape[1]}×{pixels.shape[0]} pixels, the "
                f"contract {self._width}×{self._height}; set the camera's colour profile"
            )
        rgb = np.ascontiguousarray(pixels[..., COLOUR_ENCODINGS[encoding]])
        return resize_crop(rgb, self.spec.size, self.spec.crop)


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
