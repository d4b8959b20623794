"""Launches in processes of their own, for the tests of launch."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest


class Launched:
    """A running launch and what it has printed so far."""

    def __init__(self, command: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self.seen = ""

    def wait_for(self, text: str) -> str:
        """Read on until a line has the text; returns what follows it on the line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.seen += line
            if text in line:
                return line.partition(text)[2].strip()
        pytest.fail(f"'{text}' never appeared in:\n{self.seen}")

    def finish(self, timeout: float = 120.0) -> tuple[int, str]:
        """Wait for the end; the exit code and all output."""
        output, _ = self.process.communicate(timeout=timeout)
        self.seen += output
        return self.process.returncode, self.seen

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def is_running(pid: int) -> bool:
    """Whether the process exists and is not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int, timeout: float = 30.0) -> bool:
    deadline = time.monotonic() + timeout
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


def install_package(prefix: Path, package: str, executables: Mapping[str, str]) -> None:
    """An ament package below `prefix`, with Python texts as its executables."""
    marker = prefix / "share" / "ament_index" / "resource_index" / "packages" / package
    library = prefix / "lib" / package
    for folder in library, marker.parent, prefix / "share" / package:
        folder.mkdir(parents=True, exist_ok=True)
    marker.touch()
    for name, text in executables.items():
        (library / name).write_text(f"#!{sys.executable}\n{text}")
        (library / name).chmod(0o755)
