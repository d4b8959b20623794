"""A short video of an episode, and a strip of stills, small enough to lie in a repository."""

from __future__ import annotations

import io
from contextlib import closing
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from sdm_core.atomic import atomic_file, atomic_write

FPS = 12
FRAMES, STILLS = 50, 5
# Pixels: of the picture's side, of the caption under it, and of a still's side.
SIDE, CAPTION, STILL = 240, 32, 160
# Of x264: 0 is without loss, 51 the worst.
_RATE_FACTOR = 28


class Film:
    """Frames of one episode of at most `steps` steps, in slow motion where it is short."""

    def __init__(self, steps: int) -> None:
        self._stride = max(1, -(-steps // FRAMES))
        self._font = ImageFont.load_default(size=10)
        self._pictures: list[Image.Image] = []
        self._frames: list[NDArray[np.uint8]] = []

    def wants(self, step: int) -> bool:
        """Whether a step is among those that are shown."""
        return step % self._stride == 0

    def add(self, picture: NDArray[np.uint8], caption: str) -> None:
        """Appends a picture uint8[SIDE,SIDE,3] over its caption of two lines."""
        image = Image.fromarray(np.ascontiguousarray(picture))
        frame = Image.new("RGB", (SIDE, SIDE + CAPTION), "black")
        frame.paste(image)
        ImageDraw.Draw(frame).multiline_text((4, SIDE + 3), caption, font=self._font, fill="white", spacing=3)
        self._pictures.append(image)
        self._frames.append(np.asarray(frame))

    def write(self, video: Path, strip: Path) -> None:
        """Writes the video (mp4), whose last frame stays for a second, and the strip (jpg), whole or not at all."""
        options = ["-crf", str(_RATE_FACTOR), "-preset", "veryslow", "-threads", "1"]
        with atomic_file(video) as partial:
            writer = imageio.get_writer(partial, fps=FPS, codec="libx264", macro_block_size=16, output_params=options)
            with closing(writer):
                for frame in (*self._frames, *[self._frames[-1]] * FPS):
                    writer.append_data(frame)
        atomic_write(strip, self._strip())

    def _strip(self) -> bytes:
        places = np.linspace(0, len(self._pictures) - 1, STILLS).round().astype(int)
        strip = Image.new("RGB", (STILLS * STILL, STILL))
        for column, place in enumerate(places):
            strip.paste(self._pictures[place].resize((STILL, STILL), Image.Resampling.LANCZOS), (column * STILL, 0))
        return _jpeg(strip)


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
