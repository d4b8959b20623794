"""One process at a time: a lock file that names its holder, and that its holder's death releases."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from sdm_core.errors import SdmError


class Held(SdmError):
    """Another process holds the lock."""


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Holds the lock while the block runs. Raises Held where another process has it, SdmError where files have none.

    The kernel frees the lock when its holder ends, however it ends: what a killed holder has left is taken over at
    once, and no holder that lives is ever robbed. The file stays, since removing it would let two processes lock two
    files of one name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        if not _locked(file, fcntl.LOCK_EX):
            raise Held(f"{path}: held by {holder(path)}")
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        file.flush()
        yield


def is_held(path: Path) -> bool:
    """Whether another process holds the lock now. Raises SdmError as lock does."""
    if not path.exists():
        return False
    with path.open() as file:
        return not _locked(file, fcntl.LOCK_SH)


def _locked(file: TextIO, how: int) -> bool:
    """Whether the lock was free, and is held now until the file is closed. Raises SdmError where files have none."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise SdmError(f"{file.name}: {error.strerror}; keep the runs on a filesystem that can lock files") from None
    return True


def holder(path: Path) -> str:
    """Process and host of the last holder, for people."""
    try:
        entry = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError):
        return "another process"
    return f"process {entry['pid']} on {entry['host']}"
