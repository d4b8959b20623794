"""A video on disk, whole or not at all: mp4, or a GIF where a page shows nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sdm_core.atomic import atomic_file
from sdm_core.errors import DatasetError

from sdm_cockpit.video.gif_writer import GifWriter

SUFFIXES = (".mp4", ".gif")


@contextmanager
def video_file(path: Path, fps: float, width: int) -> Iterator[VideoFile]:
    """The file appears at the block's end, and not at all where it ends in an error. `width` in pixels, to which frames
    are made smaller. Raises DatasetError for another kind of file."""
    if path.suffix not in SUFFIXES:
        raise DatasetError(f"{path}: a video is a file {' or '.join(SUFFIXES)}; name it so")
    with atomic_file(path) as partial:
        if path.suffix == ".gif":
            writer = GifWriter(partial, fps)
        else:
            options = ["-threads", "1"]
            writer = imageio.get_writer(partial, fps=fps, codec="libx264", macro_block_size=16, output_params=options)
        with closing(writer):
            yield VideoFile(writer, width)


class VideoFile:
    """See video_file."""

    def __init__(self, writer: Any, width: int) -> None:
        self._writer, self._width = writer, width
        self.frames = 0
        """How many there are so far."""

    def add(self, frame: NDArray[np.uint8], times: int = 1) -> None:
        """Appends a frame uint8[H,W,3], once or several times."""
        height, width, _ = frame.shape
        if width != self._width:
            size = (self._width, round(height * self._width / width))
            frame = np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))
        for _ in range(times):
            self._writer.append_data(frame)
        self.frames += times
