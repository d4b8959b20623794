"""`ros2-embedded` within a test's process."""

from __future__ import annotations

import time

import pytest
from embedded_ros.cli.main import main


class CommandLine:
    """Runs command lines; gives exit code, output and errors."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured

    def __call__(self, *arguments: str, until: str = "") -> tuple[int, str, str]:
        """`until`: what the output has once the graph has become known, which may take a busy machine several tries."""
        deadline = time.monotonic() + 60
        while True:
            code = main(arguments)
            output, errors = self._captured.readouterr()
            if until in output or time.monotonic() > deadline:
                return code, output, errors
