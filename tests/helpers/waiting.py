"""Waiting for something to come true, in place of sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.executors import Executor

_PATIENCE_S = 30.0


def wait_until(condition: Callable[[], object]) -> None:
    """For what happens by itself."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"did not come true within {_PATIENCE_S:g} s"
        time.sleep(0.005)


def spin_until(executor: Executor, condition: Callable[[], object], timeout_s: float = 20.0) -> bool:
    """For what an executor's nodes are to hear, which are served meanwhile, once at least; False after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        executor.spin_once(timeout_sec=0.02)
        if time.monotonic() > deadline:
            return bool(condition())
    return True
