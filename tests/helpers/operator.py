"""An operator at a terminal, for tests."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from helpers.graph import Graph


class Operator:
    """sdm-teleop in a pseudo-terminal."""

    def __init__(self, world: Graph, contract: Path, *options: str) -> None:
        self._world = world
        self._keys, terminal = pty.openpty()
        arguments = ["--ros-args", "-p", f"checkpoint:={contract}", "-p", "use_sim_time:=true", *options]
        self.process = subprocess.Popen(
            [str(Path(sys.executable).parent / "sdm-teleop"), *arguments],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={**os.environ, "ROS_DOMAIN_ID": str(world.domain), "PYTHONUNBUFFERED": "1"},
        )
        os.close(terminal)
        os.set_blocking(self._keys, False)
        self._seen = ""

    @property
    def screen(self) -> str:
        """What the terminal has shown."""
        try:
            while text := os.read(self._keys, 4096):
                self._seen += text.decode(errors="replace")
        except OSError:  # nothing more, or the program has ended
            pass
        return self._seen

    def press(self, key: str) -> None:
        os.write(self._keys, key.encode())

    def hold(self, key: str, done: Callable[[], bool]) -> None:
        """Keeps a key down, which then repeats, until `done`."""

        def still() -> bool:
            self.press(key)
            return done()

        assert self._world.spin_until(still, 30.0), self.screen + self._world.outputs()

    def close(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        status = self.process.wait(15)
        os.close(self._keys)
        return status
