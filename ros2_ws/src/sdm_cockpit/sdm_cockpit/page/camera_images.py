"""What the cameras see, small, and side by side."""

from __future__ import annotations

import numpy as np
import viser
from numpy.typing import NDArray

_PERIOD_S = 0.2
_HEIGHT, _MAX_WIDTH = 160, 320
_GAP = 4
_JPEG_QUALITY = 70


class CameraImages:
    """One picture of all cameras, at most five times a second."""

    def __init__(self, gui: viser.GuiApi) -> None:
        nothing = np.zeros((_HEIGHT, _GAP, 3), np.uint8)
        self._picture = gui.add_image(nothing, format="jpeg", jpeg_quality=_JPEG_QUALITY, label="", visible=False)
        self._seen: list[NDArray[np.uint8]] = []
        self._drawn_s = float("-inf")

    def show(self, images: dict[str, NDArray[np.uint8]], now_s: float) -> tuple[str, ...]:
        """`images`: uint8[H,W,3] by camera; `now_s` on any steady clock. A line for each that is no image."""
        sound = {name: image for name, image in images.items() if _is_image(image)}
        problems = tuple(
            f"camera {name}: {image.dtype}{list(image.shape)} instead of uint8[H, W, 3]"
            for name, image in images.items()
            if name not in sound
        )
        if now_s - self._drawn_s < _PERIOD_S:
            return problems
        self._drawn_s = now_s
        self._picture.visible = bool(sound)
        fresh = list(sound.values())
        if fresh and not _are_same(fresh, self._seen):
            self._seen = fresh
            self._picture.label = " · ".join(sound)
            self._picture.image = side_by_side(fresh)
        return problems


def side_by_side(images: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Images uint8[H,W,3] of whatever sizes as one of a single height, with a gap between them."""
    gap = np.zeros((_HEIGHT, _GAP, 3), np.uint8)
    parts = [part for image in images for part in (gap, _small(image))]
    return np.concatenate(parts[1:], axis=1)


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """By its nearest pixels."""
    height, width = image.shape[:2]
    columns = min(max(round(width * _HEIGHT / height), 1), _MAX_WIDTH)
    rows = np.arange(_HEIGHT) * height // _HEIGHT
    return image[rows[:, None], np.arange(columns) * width // columns]


def _is_image(image: NDArray[np.uint8]) -> bool:
    return image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8 and image.size > 0


def _are_same(some: list[NDArray[np.uint8]], others: list[NDArray[np.uint8]]) -> bool:
    return len(some) == len(others) and all(one is other for one, other in zip(some, others, strict=True))
