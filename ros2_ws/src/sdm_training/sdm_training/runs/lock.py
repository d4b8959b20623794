"""One process at a time: a lock file that names its holder, and that its holder's death releases."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdm_core.errors import SdmError


class Held(SdmError):
    """Another process holds the lock."""


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Holds the lock while the block runs. Raises Held where another process has it.

    The kernel frees the lock when its holder ends, however it ends: what a killed holder has left is taken over at
    once, and no holder that lives is ever robbed. The file stays, since removing it would let two processes lock two
    files of one name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Held(f"{path}: held by {holder(path)}") from None
        except OSError as error:
            raise SdmError(f"{path}: {error.strerror}; keep the runs on a filesystem that can lock files") from None
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        file.flush()
        yield


def is_held(path: Path) -> bool:
    """Whether another process holds the lock now."""
    if not path.exists():
        return False
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def holder(path: Path) -> str:
    """Process and host of the last holder, for people."""
    try:
        entry = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError):
        return "another process"
    return f"process {entry['pid']} on {entry['host']}"
