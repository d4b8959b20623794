"""What people ask of a running world: asked on the executor's thread, heeded on the simulation's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sdm_sim.bridge.errors import Interrupted
from sdm_sim.shove import Shove

_SHUTDOWN_POLL_S = 0.1


class Controls:
    """Nothing is heeded within a step, so that an episode stays one of the task's own."""

    def __init__(
        self, ok: Callable[[], bool], shove: Shove | None, real_time_factor: float = 1.0, latency_s: float = 0.0
    ) -> None:
        """`ok` is whether the context is up; `shove` None where nothing can be pushed."""
        self._ok, self._shove = ok, shove
        self.real_time_factor, self.latency_s = real_time_factor, latency_s
        self._going = threading.Event()
        self._going.set()
        self._push_due = False
        self._next_seed: int | None = None
        self.running = False
        """Whether an episode is under way."""
        self.abandoned = False
        """Whether the running episode is to end as it is."""
        self.pushes = 0
        """How often things were pushed in this episode."""

    @property
    def paused(self) -> bool:
        """Whether time stands still."""
        return not self._going.is_set()

    # --- asked

    def pause(self, paused: bool) -> None:
        """Lets time stand still from the next step on, or go on."""
        self._going.clear() if paused else self._going.set()

    def abandon(self) -> None:
        """Ends the running episode, also one that stands still."""
        self.abandoned = True

    def push(self) -> None:
        """Pushes before the next step."""
        self._push_due = True

    def begin_next_with(self, seed: int) -> None:
        """The next episode has this seed, and the others follow on."""
        self._next_seed = seed

    # --- heeded

    def take_seed(self, following: int) -> int:
        """The seed of an episode that is to begin; `following` unless another was asked for."""
        seed, self._next_seed = self._next_seed, None
        return following if seed is None else seed

    def begin(self, seed: int) -> None:
        """The episode of a seed begins."""
        self.abandoned, self._push_due, self.pushes, self.running = False, False, 0, True
        if self._shove:
            self._shove.reset(seed)

    def end(self) -> None:
        """The episode is over."""
        self.running = False

    def before_step(self) -> float:
        """Stands still while paused, and pushes; how long (s) it stood. Raises Interrupted on shutdown."""
        stood = self._stand()
        if self._shove:
            if self._push_due:
                self._push_due, self.pushes = False, self.pushes + 1
                self._shove.push()
            self._shove.carry()
        return stood

    def _stand(self) -> float:
        if not self.paused:
            return 0.0
        begun = time.perf_counter()
        while not (self._going.wait(_SHUTDOWN_POLL_S) or self.abandoned):
            if not self._ok():
                raise Interrupted
        return time.perf_counter() - begun
