"""Files and folders that are on disk whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yields a temporary folder beside `target`, and puts it in target's place when the block ends without an error."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield room
        room.chmod(0o755)  # mkdtemp makes private folders
        if target.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
            target.rename(old / target.name)
            try:
                room.rename(target)
            except BaseException:
                (old / target.name).rename(target)
                raise
            finally:
                shutil.rmtree(old, ignore_errors=True)
        else:
            room.rename(target)
    except BaseException:
        shutil.rmtree(room, ignore_errors=True)
        raise


@contextmanager
def atomic_file(target: Path, suffix: str | None = None) -> Iterator[Path]:
    """Yields a path beside `target`, of its suffix or another, and puts the file there, if the block has written one,
    in target's place when the block ends without an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.stem}.partial{target.suffix if suffix is None else suffix}")
    try:
        yield partial
        if partial.exists():
            partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def atomic_write(target: Path, data: bytes) -> None:
    """Writes a file through a temporary one beside it and a rename."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
