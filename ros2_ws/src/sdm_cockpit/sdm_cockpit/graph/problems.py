"""What is wrong with what the cockpit is given: one line for each source, for as long as it lasts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# A line that nobody repeats says nothing about the present any more (s).
_LASTS_S = 3.0
_LONGEST_LINE = 300


class Problems:
    """Safe from any thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lines: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def note(self, source: str, reason: object) -> None:
        """Something is wrong with a source; replaces what was said of it before."""
        line = f"{source}: {reason}".splitlines()[0][:_LONGEST_LINE]
        with self._lock:
            self._lines[source] = (self._now(), line)

    def clear(self, source: str) -> None:
        """All is well with a source."""
        with self._lock:
            self._lines.pop(source, None)

    @contextmanager
    def of(self, source: str) -> Iterator[None]:
        """Whatever is raised within is noted, and ends here; where nothing is, the source is well."""
        try:
            yield
        except Exception as error:  # messages come from anybody: none must take the cockpit down
            self.note(source, error if str(error) else type(error).__name__)
        else:
            self.clear(source)

    def lines(self) -> tuple[str, ...]:
        """What is wrong now."""
        oldest = self._now() - _LASTS_S
        with self._lock:
            return tuple(line for noted, line in self._lines.values() if noted >= oldest)
