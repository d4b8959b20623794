"""The stack's nodes in processes of their own, with the parameters that franka.launch.py gives them."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CONFIG = Path(__file__).parents[2] / "config"
ROBOT = CONFIG / "robot/fr3.yaml"
PROGRAMS = Path(sys.executable).parent


class NodeProcess:
    """One executable; its output is kept in a file."""

    def __init__(
        self,
        executable: str,
        log: Path,
        *,
        domain: int,
        parameters: Mapping[str, Any],
        remappings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        arguments = ["--ros-args"]
        for file in (ROBOT, CONFIG / "camera/realsense.yaml"):
            arguments += ["--params-file", str(file)]
        for name, value in parameters.items():
            arguments += ["-p", f"{name}:={str(value).lower() if isinstance(value, bool) else value}"]
        for name, other in (remappings or {}).items():
            arguments += ["-r", f"{name}:={other}"]
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(PROGRAMS / executable), *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    "ROS_DOMAIN_ID": str(domain),
                    "PYTHONUNBUFFERED": "1",
                    "OMP_NUM_THREADS": "1",
                    **(environment or {}),
                },
            )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def output(self) -> str:
        """What has been printed to its log, by its predecessors too."""
        return self._log.read_text()

    @property
    def ended(self) -> bool:
        """Whether the process is over."""
        return self._process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    def limit_file_size(self, size: int | None) -> None:
        """Lets its writes beyond `size` bytes a file fail, as those to a full disk; None lifts that."""
        limit = resource.RLIM_INFINITY if size is None else size
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    def end(self) -> None:
        """Ends it, by force where it does not listen."""
        if self.ended:
            return
        self.send(signal.SIGCONT)
        self.send(signal.SIGINT)
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10.0)


def end_all(processes: Sequence[NodeProcess | None]) -> None:
    """Ends those that there are."""
    for process in processes:
        if process is not None:
            process.end()
