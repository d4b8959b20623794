"""An .rrd file, which rerun's viewer opens."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from sdm_core.errors import DatasetError

_APPLICATION = "sdm"


class RerunFile:
    """A context manager that gives a stream to log to; the file appears whole at its end, and not at all where it ends
    in an error."""

    def __init__(self, rerun: Any, path: Path) -> None:
        """`rerun`: the SDK's module."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._room = tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent)
        self._stream = rerun.RecordingStream(_APPLICATION)
        # When something was exported is of no interest; a recording's own times are set with every step.
        self._stream.set_log_time_enabled(False)
        self._stream.set_log_tick_enabled(False)

    def __enter__(self) -> Any:
        self._stream.save(self._file)
        return self._stream

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._stream.disconnect()
            if error is None:
                self._file.replace(self._path)
        except OSError as failure:
            raise DatasetError(f"{self._path}: {failure.strerror}; nothing is written") from None
        finally:
            self._room.cleanup()

    @property
    def _file(self) -> Path:
        return Path(self._room.name) / "recording.rrd"
