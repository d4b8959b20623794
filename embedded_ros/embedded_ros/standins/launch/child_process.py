"""One operating-system process of a launch: started in a session of its own, its output read line by line, its group
swept when it ends. Not part of ROS 2's launch, which leaves this to another library."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

_PR_SET_PDEATHSIG = 1
_SWEEP_SECONDS = 1.0


def _parent_death_signal() -> Callable[[], None] | None:
    """What the child runs before its program: ask Linux to end it, should the launch die without ending it."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def run() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return run


class ChildProcess:
    """Starts `cmd`; `on_line(stream, text)` and `on_exit(returncode)` are called from threads of this object.

    `stream` is "stdout" or "stderr". A command that cannot be started raises OSError.
    Create it in the main thread: Linux counts the end of the creating *thread* as the parent's death.
    """

    def __init__(
        self,
        cmd: Sequence[str],
        *,
        shell: bool,
        cwd: str | None,
        env: Mapping[str, str],
        on_line: Callable[[str, str], object],
        on_exit: Callable[[int], object],
    ) -> None:
        self._shell = shell
        self._on_line = on_line
        self._on_exit = on_exit
        # A session of its own: the terminal's Ctrl-C reaches the launch alone, which then stops its processes in order.
        self._popen = subprocess.Popen(
            " ".join(cmd) if shell else list(cmd),
            shell=shell,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_parent_death_signal(),
        )
        self._readers = [
            threading.Thread(target=self._read, args=(name, stream), daemon=True)
            for name, stream in (("stdout", self._popen.stdout), ("stderr", self._popen.stderr))
        ]

    @property
    def pid(self) -> int:
        return self._popen.pid

    def watch(self) -> None:
        """Begin to read the output and to wait for the end."""
        for reader in self._readers:
            reader.start()
        threading.Thread(target=self._wait, daemon=True).start()

    def send_signal(self, number: signal.Signals) -> None:
        """Signal the process; its whole group where a shell stands in between, and for SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            if self._shell or number == signal.SIGKILL:
                os.killpg(self._popen.pid, number)
            else:
                self._popen.send_signal(number)

    def _read(self, name: str, stream: IO[bytes]) -> None:
        for line in stream:
            self._on_line(name, line.decode(errors="replace").rstrip("\r\n"))

    def _wait(self) -> None:
        returncode = self._popen.wait()
        self._sweep_group()
        for reader in self._readers:
            # Only a grandchild that left the group can still hold the pipe: it is not waited for.
            reader.join(timeout=1.0)
        self._on_exit(returncode)

    def _sweep_group(self) -> None:
        """End what the process left behind in its group: a crashed node's helpers must not outlive it."""
        deadline = time.monotonic() + _SWEEP_SECONDS
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGTERM)
            while time.monotonic() < deadline:
                time.sleep(0.02)
                os.killpg(self._popen.pid, 0)
            os.killpg(self._popen.pid, signal.SIGKILL)
