"""Waiting for what the graph tells nobody of."""

from __future__ import annotations

import time
from collections.abc import Callable

from .context import Context


def wait_until(
    condition: Callable[[], bool], context: Context, timeout_sec: float | None, period_sec: float = 0.01
) -> bool:
    """Look, at least once, until the condition holds; False when the time-out or the context's end comes first."""
    deadline = None if timeout_sec is None else time.monotonic() + timeout_sec
    while context.ok():
        if condition():
            return True
        if deadline is not None and time.monotonic() >= deadline:
            return False
        time.sleep(period_sec)
    return False
