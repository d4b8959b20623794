"""A video on disk, whole or not at all: mp4, or a GIF where a page shows nothing else."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import imageio.v2 as imageio
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sdm_core.errors import DatasetError

from sdm_cockpit.video.gif_writer import GifWriter

SUFFIXES = (".mp4", ".gif")


class VideoFile:
    """A context manager; the file appears at its end, and not at all where it ends in an error."""

    def __init__(self, path: Path, fps: float, width: int) -> None:
        """`width` in pixels, to which frames are made smaller. Raises DatasetError for another kind of file."""
        if path.suffix not in SUFFIXES:
            raise DatasetError(f"{path}: a video is a file {' or '.join(SUFFIXES)}; name it so")
        self._path, self._width = path, width
        self.frames = 0
        """How many there are so far."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._partial = path.with_name(f".{path.stem}.partial{path.suffix}")
        if path.suffix == ".gif":
            self._writer = GifWriter(self._partial, fps)
        else:
            self._writer = imageio.get_writer(
                self._partial, fps=fps, codec="libx264", macro_block_size=16, output_params=["-threads", "1"]
            )

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        if error is None:
            self._partial.replace(self._path)
        else:
            self._partial.unlink(missing_ok=True)

    def add(self, frame: NDArray[np.uint8], times: int = 1) -> None:
        """Appends a frame uint8[H,W,3], once or several times."""
        height, width, _ = frame.shape
        if width != self._width:
            size = (self._width, round(height * self._width / width))
            frame = np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))
        for _ in range(times):
            self._writer.append_data(frame)
        self.frames += times
