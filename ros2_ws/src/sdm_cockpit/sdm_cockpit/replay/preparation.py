"""What takes a while to find out about each step of a recording: computed beside the page, shown as far as it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

from sdm_core.errors import SdmError

Value = TypeVar("Value")


class Series(Generic[Value]):
    """A value for each of `steps` steps, which come one after another. `problem`: why they do not go on."""

    def __init__(self, label: str, steps: int, source: Iterator[Value]) -> None:
        self.label, self.steps = label, steps
        self.problem = ""
        self._source = source
        self._values: list[Value] = []

    def at(self, step: int) -> Value | None:
        """None as long as it has not come."""
        return self._values[step] if step < self.ready else None

    @property
    def ready(self) -> int:
        """How many have come."""
        return len(self._values)

    def go_on(self) -> bool:
        """Computes the next one; whether there was one."""
        try:
            self._values.append(next(self._source))
        except StopIteration:
            return False
        except SdmError as error:
            self.problem = f"{self.label}: {error}"
            return False
        return True


class Preparation:
    """Brings series forward in turns, in a thread of its own, so that they can be compared as they come."""

    def __init__(self, series: Sequence[Series[Any]]) -> None:
        self._series = series
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="preparation", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leaves undone what is."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        unfinished = list(self._series)
        while unfinished and not self._stopped.is_set():
            unfinished = [series for series in unfinished if series.go_on()]
