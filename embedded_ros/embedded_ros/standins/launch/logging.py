"""Where the launch's own lines and its processes' output go: the screen, and one log file for each launch."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TextIO

_lock = threading.Lock()
_log_file: TextIO | None = None


def get_logger(name: str | None = None) -> logging.Logger:
    """A logger whose lines look as those of ROS 2's launch: `[INFO] [launch]: text`."""
    logger = logging.getLogger(name or "launch")
    top = logging.getLogger(logger.name.partition(".")[0])
    if not any(isinstance(handler, _LaunchHandler) for handler in top.handlers):
        top.addHandler(_LaunchHandler())
        top.setLevel(logging.INFO)
        top.propagate = False
    return logger


def write_output(process_name: str, line: str, *, screen: bool, log: bool = True) -> None:
    """One line that a process printed."""
    _write(f"[{process_name}] {line}", screen=screen, log=log)


def open_log_file() -> Path | None:
    """Begin a folder of this launch with its `launch.log`; None where none can be written (the screen must do)."""
    global _log_file
    folder = _log_root() / datetime.now().strftime(f"%Y-%m-%d-%H-%M-%S-%f-{socket.gethostname()}-{os.getpid()}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / "launch.log", "a", encoding="utf-8", buffering=1)  # noqa: SIM115 (closed by close_log_file)
    except OSError:
        return None
    with _lock:
        _log_file = file
    return folder


def close_log_file() -> None:
    global _log_file
    with _lock:
        if _log_file is not None:
            with contextlib.suppress(OSError):  # the last lines, on a full disk
                _log_file.close()
            _log_file = None


class _LaunchHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _write(f"[{record.levelname}] [{record.name}]: {record.getMessage()}", screen=True, log=True)


def _log_root() -> Path:
    if directory := os.environ.get("ROS_LOG_DIR"):
        return Path(directory).expanduser()
    return Path(os.environ.get("ROS_HOME") or "~/.ros").expanduser() / "log"


def _write(line: str, *, screen: bool, log: bool) -> None:
    with _lock:
        if screen:
            try:
                print(line, flush=True)
            except BrokenPipeError:
                # The reader (`| head`) has gone; processes still have to be stopped in order.
                sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (for the rest of the process)
            except OSError:
                pass  # a full disk must end neither the launch nor the thread that reads a process's output
        if log and _log_file is not None:
            with contextlib.suppress(OSError):  # likewise
                print(f"{time.time():.7f} {line}", file=_log_file)
