"""Where a recording stands that is looked at: a place in its own time, moved by a clock and by people."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# Sums of a clock's differences fall short of a step's time by less than this.
_ROUNDING_S = 1e-6


class Player:
    """Begins at rest, at the first step. Any thread may call."""

    def __init__(self, times_s: NDArray[np.float64], clock: Callable[[], float] = time.monotonic) -> None:
        """`times_s` [T]: of the steps, from 0 on and ascending; `clock`: a steady one, in s."""
        self._lock = threading.Lock()
        self._clock = clock
        self._speed = 1.0
        self.open(times_s)

    def open(self, times_s: NDArray[np.float64]) -> None:
        """Another recording, at rest at its first step; the speed stays."""
        with self._lock:
            self._times_s = times_s
            self._playing = False
            self._place_s, self._read_s = 0.0, self._clock()

    @property
    def step(self) -> int:
        """The newest step by now."""
        with self._lock:
            self._go_on()
            return self._step()

    @property
    def playing(self) -> bool:
        """False, too, once the last step is reached."""
        with self._lock:
            self._go_on()
            return self._playing

    @property
    def speed(self) -> float:
        """Of the recording's time: 0.5 is half as fast as it was."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        with self._lock:
            self._go_on()
            self._speed = speed

    def toggle(self) -> None:
        """Plays or pauses; from the last step it begins anew."""
        with self._lock:
            self._go_on()
            self._playing = not self._playing
            if self._playing and self._place_s >= self._times_s[-1]:
                self._place_s = 0.0

    def wind(self, step: int) -> None:
        """Goes to a step, or the nearest one that there is, and plays on from there if it played."""
        with self._lock:
            self._go_on()
            self._wind(step)

    def move(self, steps: int) -> None:
        """Goes so many steps ahead, or back, and rests there."""
        with self._lock:
            self._go_on()
            self._playing = False
            self._wind(self._step() + steps)

    def _step(self) -> int:
        return int(np.searchsorted(self._times_s, self._place_s + _ROUNDING_S, side="right")) - 1

    def _wind(self, step: int) -> None:
        self._place_s = float(self._times_s[np.clip(step, 0, len(self._times_s) - 1)])

    def _go_on(self) -> None:
        now_s, before_s = self._clock(), self._read_s
        self._read_s = now_s
        if not self._playing:
            return
        self._place_s += (now_s - before_s) * self._speed
        if self._place_s + _ROUNDING_S >= self._times_s[-1]:
            self._place_s, self._playing = float(self._times_s[-1]), False
