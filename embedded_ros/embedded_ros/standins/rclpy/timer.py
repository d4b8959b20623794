"""Timers, and rates made of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .callback_groups import CallbackGroup
from .clock import Clock, ClockChange, TimeJump
from .exceptions import ROSInterruptException


class Timer:
    """Made by `Node.create_timer`; runs on any clock. Missed periods are skipped, not caught up."""

    def __init__(
        self,
        callback: Callable[[], Any] | None,
        callback_group: CallbackGroup | None,
        timer_period_ns: int,
        clock: Clock,
        *,
        context: Any = None,
        autostart: bool = True,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        if timer_period_ns < 0:
            raise ValueError(f"timer period must not be negative, not {timer_period_ns} ns")
        self.callback = callback
        self.callback_group = callback_group
        self._period_ns = int(timer_period_ns)
        self._clock = clock
        self._wake = wake
        self._canceled = not autostart
        self._destroyed = False
        self._last_call_ns = clock._now_ns()
        self._next_call_ns = self._last_call_ns + self._period_ns
        clock._add_timer(self)

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def timer_period_ns(self) -> int:
        return self._period_ns

    @timer_period_ns.setter
    def timer_period_ns(self, value: int) -> None:
        """The call that is due next keeps its time; `reset` counts from now."""
        self._period_ns = int(value)

    def is_ready(self) -> bool:
        return not self._canceled and not self._destroyed and self._clock._now_ns() >= self._next_call_ns

    def is_canceled(self) -> bool:
        return self._canceled

    def cancel(self) -> None:
        self._canceled = True

    def reset(self) -> None:
        self._canceled = False
        self._next_call_ns = self._clock._now_ns() + self._period_ns
        self._wake()

    def time_since_last_call(self) -> int:
        return self._clock._now_ns() - self._last_call_ns

    def time_until_next_call(self) -> int | None:
        """Nanoseconds, negative when overdue; None for a canceled timer."""
        return None if self._canceled else self._next_call_ns - self._clock._now_ns()

    def destroy(self) -> None:
        self._destroyed = True
        self._clock._remove_timer(self)

    _may_have_work = is_ready

    def _take_work(self) -> Callable[[], Any] | None:
        if not self.is_ready():
            return None
        now = self._last_call_ns = self._clock._now_ns()
        self._next_call_ns += self._period_ns
        if self._next_call_ns < now:
            periods = -(-(now - self._next_call_ns) // self._period_ns) if self._period_ns else 0
            self._next_call_ns = now if not self._period_ns else self._next_call_ns + periods * self._period_ns
        return self.callback or (lambda: None)

    def _seconds_to_wait(self) -> float | None:
        """How long an executor may sleep for this timer; None where only an event can make it ready."""
        if self._canceled or self._destroyed or not self._clock._runs_by_itself():
            return None
        return (self._next_call_ns - self._clock._now_ns()) * 1e-9

    def _clock_moved(self, jump: TimeJump) -> None:
        now = self._clock._now_ns()
        if jump.clock_change in (ClockChange.ROS_TIME_ACTIVATED, ClockChange.ROS_TIME_DEACTIVATED):
            left = self._next_call_ns - (now - jump.delta.nanoseconds)
            self._next_call_ns, self._last_call_ns = now + left, now
        elif now < self._last_call_ns:  # time went back: a new run of a simulation or bag
            self._next_call_ns, self._last_call_ns = now + self._period_ns, now
        self._wake()


class Rate:
    """Made by `Node.create_rate`; `sleep` returns once a period, at once when the period ended before it was called.

    An executor must spin in another thread.
    """

    def __init__(self, timer: Timer, *, context: Any) -> None:
        self._timer = timer
        self._context = context
        self._tick = threading.Event()
        self._lock = threading.Lock()
        self._sleepers = 0
        self._destroyed = False
        timer.callback = self._tick.set
        context.on_shutdown(self._stop)

    def _stop(self) -> None:
        self._tick.set()

    def sleep(self) -> None:
        with self._lock:
            if self._destroyed:
                raise RuntimeError("Rate cannot sleep: it is destroyed")
            if not self._context.ok():
                raise ROSInterruptException()
            self._sleepers += 1  # from here on a tick, or an end, stays until it has woken this sleeper
        try:
            self._tick.wait()
        finally:
            with self._lock:
                self._sleepers -= 1
                if not self._sleepers:
                    self._tick.clear()
        if not self._context.ok():
            raise ROSInterruptException()

    def destroy(self) -> None:
        self._destroyed = True
        self._timer.destroy()
        self._tick.set()
