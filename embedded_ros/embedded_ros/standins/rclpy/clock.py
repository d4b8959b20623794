"""Clocks: system, steady, and ROS time, which `/clock` may override."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from enum import IntEnum
from types import TracebackType
from typing import TYPE_CHECKING

from .clock_type import ClockType
from .duration import Duration
from .exceptions import NotInitializedException
from .time import Time

if TYPE_CHECKING:
    from .timer import Timer

__all__ = ["Clock", "ClockChange", "ClockType", "JumpHandle", "JumpThreshold", "ROSClock", "TimeJump"]


class ClockChange(IntEnum):
    ROS_TIME_NO_CHANGE = 1
    ROS_TIME_ACTIVATED = 2
    ROS_TIME_DEACTIVATED = 3
    SYSTEM_TIME_NO_CHANGE = 4


class JumpThreshold:
    """Which jumps a callback is told of: at least `min_forward`, at most `min_backward` (negative), clock changes."""

    def __init__(
        self, *, min_forward: Duration | None, min_backward: Duration | None, on_clock_change: bool = True
    ) -> None:
        if min_forward is not None and min_forward.nanoseconds <= 0:
            raise ValueError("min_forward must be a positive non-zero duration")
        if min_backward is not None and min_backward.nanoseconds >= 0:
            raise ValueError("min_backward must be a negative non-zero duration")
        if not on_clock_change and min_forward is None and min_backward is None:
            raise ValueError("At least one jump threshold must be enabled")
        self.min_forward = min_forward
        self.min_backward = min_backward
        self.on_clock_change = on_clock_change


class TimeJump:
    def __init__(self, clock_change: ClockChange, delta: Duration) -> None:
        self.clock_change = clock_change
        self.delta = delta


class JumpHandle:
    """A registered jump callback; `unregister`, or use as a context manager."""

    def __init__(
        self,
        *,
        clock: Clock,
        threshold: JumpThreshold,
        pre_callback: Callable[[], None] | None,
        post_callback: Callable[[TimeJump], None] | None,
    ) -> None:
        if pre_callback is None and post_callback is None:
            raise ValueError("One of pre_callback or post_callback must be callable")
        self._clock, self.threshold = clock, threshold
        self.pre_callback, self.post_callback = pre_callback, post_callback
        clock._jump_handles.append(self)

    def unregister(self) -> None:
        if self in self._clock._jump_handles:
            self._clock._jump_handles.remove(self)

    def __enter__(self) -> JumpHandle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unregister()

    def concerns(self, jump: TimeJump) -> bool:
        if jump.clock_change in (ClockChange.ROS_TIME_ACTIVATED, ClockChange.ROS_TIME_DEACTIVATED):
            return self.threshold.on_clock_change
        forward, backward, delta = self.threshold.min_forward, self.threshold.min_backward, jump.delta
        return (forward is not None and delta >= forward) or (backward is not None and delta <= backward)


class Clock:
    """`Clock(clock_type=…)`; ROS time makes a `ROSClock`."""

    def __new__(cls, *, clock_type: ClockType = ClockType.SYSTEM_TIME) -> Clock:
        if not isinstance(clock_type, ClockType):
            raise TypeError("Clock type must be a ClockType enum")
        made: type[Clock] = ROSClock if clock_type is ClockType.ROS_TIME else cls
        return object.__new__(made)

    def __init__(self, *, clock_type: ClockType = ClockType.SYSTEM_TIME) -> None:
        self._clock_type = clock_type
        self._jump_handles: list[JumpHandle] = []
        self._timers: weakref.WeakSet = weakref.WeakSet()  # told whenever an overridden ROS time moves
        self._moved = threading.Condition()  # guards them, and wakes sleepers
        self._watched: weakref.WeakSet = weakref.WeakSet()  # contexts whose end wakes sleepers

    @property
    def clock_type(self) -> ClockType:
        return self._clock_type

    def __repr__(self) -> str:
        return f"Clock(clock_type={self._clock_type.name})"

    def _add_timer(self, timer: Timer) -> None:
        with self._moved:
            self._timers.add(timer)

    def _remove_timer(self, timer: Timer) -> None:
        with self._moved:
            self._timers.discard(timer)

    def _now_ns(self) -> int:
        return time.monotonic_ns() if self._clock_type is ClockType.STEADY_TIME else time.time_ns()

    def _runs_by_itself(self) -> bool:
        """False for a ROS clock that only moves with `/clock`."""
        return True

    def now(self) -> Time:
        return Time(nanoseconds=self._now_ns(), clock_type=self._clock_type)

    def create_jump_callback(
        self,
        threshold: JumpThreshold,
        *,
        pre_callback: Callable[[], None] | None = None,
        post_callback: Callable[[TimeJump], None] | None = None,
    ) -> JumpHandle:
        return JumpHandle(clock=self, threshold=threshold, pre_callback=pre_callback, post_callback=post_callback)

    def sleep_until(self, until: Time, context: object = None) -> bool:
        """Sleep until this clock reaches `until`; False where the context ended or the clock's source changed."""
        from .utilities import get_default_context

        used = context if context is not None else get_default_context()
        if not used.ok():  # type: ignore[attr-defined]
            raise NotInitializedException()
        if until.clock_type != self._clock_type:
            raise ValueError("until's clock type does not match this clock's type")
        own = self._runs_by_itself()
        if used not in self._watched:
            used.on_shutdown(self._notify_sleepers)  # type: ignore[attr-defined]
            self._watched.add(used)
        with self._moved:
            while used.ok() and self._runs_by_itself() == own and self._now_ns() < until.nanoseconds:  # type: ignore[attr-defined]
                self._moved.wait((until.nanoseconds - self._now_ns()) * 1e-9 if own else None)
        return self._runs_by_itself() == own and self._now_ns() >= until.nanoseconds

    def _notify_sleepers(self) -> None:
        with self._moved:
            self._moved.notify_all()

    def sleep_for(self, rel_time: Duration, context: object = None) -> bool:
        return self.sleep_until(self.now() + rel_time, context)


class ROSClock(Clock):
    """System time until ROS time is active, then whatever `/clock` last said (0 before its first message)."""

    def __new__(cls) -> ROSClock:
        return object.__new__(cls)  # type: ignore[return-value]

    def __init__(self, *, clock_type: ClockType = ClockType.ROS_TIME) -> None:
        super().__init__(clock_type=ClockType.ROS_TIME)
        self._active = False
        self._override_ns = 0

    @property
    def ros_time_is_active(self) -> bool:
        return self._active

    def _runs_by_itself(self) -> bool:
        return not self._active

    def _now_ns(self) -> int:
        return self._override_ns if self._active else time.time_ns()

    def _set_ros_time_is_active(self, enabled: bool) -> None:
        if enabled == self._active:
            return
        before = self._now_ns()
        change = ClockChange.ROS_TIME_ACTIVATED if enabled else ClockChange.ROS_TIME_DEACTIVATED
        after = self._override_ns if enabled else time.time_ns()

        def activate() -> None:
            self._active = enabled

        self._jump(TimeJump(change, Duration(nanoseconds=after - before)), activate)

    def set_ros_time_override(self, time: Time) -> None:
        if not isinstance(time, Time):
            raise TypeError("Time must be specified as rclpy.time.Time")
        delta = Duration(nanoseconds=time.nanoseconds - self._override_ns)

        def move() -> None:
            self._override_ns = time.nanoseconds

        if self._active:
            self._jump(TimeJump(ClockChange.ROS_TIME_NO_CHANGE, delta), move)
        else:
            move()

    def _jump(self, jump: TimeJump, apply: Callable[[], None]) -> None:
        concerned = [handle for handle in self._jump_handles if handle.concerns(jump)]
        for handle in concerned:
            if handle.pre_callback:
                handle.pre_callback()
        with self._moved:
            apply()
            self._moved.notify_all()
            timers = list(self._timers)
        for timer in timers:
            timer._clock_moved(jump)
        for handle in concerned:
            if handle.post_callback:
                handle.post_callback(jump)
