"""Whether a run that is somebody else's process still goes on, however slowly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class SignsOfLife:
    """A run lives as long as one of its files grows now and then."""

    def __init__(self, files: Sequence[Path], patience_s: float) -> None:
        """`files` need not be there yet; `patience_s`: from when on silence is none of a slow machine's."""
        self._files, self._patience_s = files, patience_s
        self._size = -1
        self._since = 0.0

    def grown(self, now: float) -> bool:
        """Whether the files have grown since the last call; `now` (s) is of a steady clock."""
        size = sum(path.stat().st_size for path in self._files if path.exists())
        grown, self._size = size != self._size, size
        if grown:
            self._since = now
        return grown

    def missing(self, now: float) -> bool:
        """Whether there has been none for too long."""
        return now - self._since > self._patience_s
