"""What the cameras see, small."""

from __future__ import annotations

import numpy as np
import viser
from numpy.typing import NDArray

_PERIOD_S = 0.2
_MAX_WIDTH = 320
_JPEG_QUALITY = 70


class CameraImages:
    """An image for each camera of the snapshots, at most five times a second."""

    def __init__(self, gui: viser.GuiApi) -> None:
        self._gui = gui
        self._folder = gui.add_folder("Cameras", visible=False)
        self._images: dict[str, viser.GuiImageHandle] = {}
        self._seen: dict[str, NDArray[np.uint8]] = {}
        self._drawn_s = float("-inf")

    def show(self, images: dict[str, NDArray[np.uint8]], now_s: float) -> tuple[str, ...]:
        """`images`: uint8[H,W,3] by camera; `now_s` on any steady clock. A line for each that is no image."""
        problems = tuple(
            f"camera {name}: {image.dtype}{list(image.shape)} instead of uint8[H, W, 3]"
            for name, image in images.items()
            if not _is_image(image)
        )
        if now_s - self._drawn_s < _PERIOD_S:
            return problems
        self._drawn_s = now_s
        self._folder.visible = bool(images)
        for name, handle in self._images.items():
            handle.visible = name in images
        for name, image in images.items():
            if _is_image(image) and image is not self._seen.get(name):
                self._seen[name] = image
                self._draw(name, _small(image))
        return problems

    def _draw(self, name: str, image: NDArray[np.uint8]) -> None:
        if name in self._images:
            self._images[name].image = image
            return
        with self._folder:
            self._images[name] = self._gui.add_image(image, label=name, format="jpeg", jpeg_quality=_JPEG_QUALITY)


def _is_image(image: NDArray[np.uint8]) -> bool:
    return image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8 and image.size > 0


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    step = -(-image.shape[1] // _MAX_WIDTH)
    return np.ascontiguousarray(image[::step, ::step])
