"""GIFs of drawn frames: few colours, each of them kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class GifWriter:
    """Speaks as imageio's writers do. Thin lines keep their colours, which an average over all pixels would lose: the
    first frame's colours are spread over all that there are, and nothing is dithered, which would also make files
    large."""

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._duration_ms = path, 1000 / fps
        self._frames: list[Image.Image] = []

    def append_data(self, frame: NDArray[np.uint8]) -> None:
        """Adds a frame uint8[H,W,3]."""
        image = Image.fromarray(frame)
        if self._frames:
            image = image.quantize(palette=self._frames[0], dither=Image.Dither.NONE)
        else:
            image = image.quantize(method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        self._frames.append(image)

    def close(self) -> None:
        """Writes the file, where there is a frame."""
        if self._frames:
            first, *others = self._frames
            first.save(self._path, save_all=True, append_images=others, duration=self._duration_ms, loop=0)
