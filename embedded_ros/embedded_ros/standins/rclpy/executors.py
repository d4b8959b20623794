"""Executors: they wait for work of their nodes and run the callbacks."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future as PoolFuture
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for_all
from contextlib import suppress
from inspect import isawaitable
from types import TracebackType
from typing import Any

from embedded_ros.transport.interface import ClosedError, Waiter

from .context import Context
from .task import Future, Task
from .utilities import get_default_context

Work = Callable[[], Any]


class TimeoutException(Exception):
    """Raised when nothing became ready in the time given."""


class ShutdownException(Exception):
    """Raised when the executor was shut down."""


class ExternalShutdownException(Exception):
    """Raised by `spin` when the context was shut down, by a signal for instance."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)


class ConditionReachedException(Exception):
    """Raised inside `spin_until_future_complete` when the future is done."""


async def await_or_execute(callback: Callable[..., Any], *args: Any) -> Any:
    """The result of a function, or of a coroutine function."""
    result = callback(*args)
    return await result if isawaitable(result) else result


class Executor:
    """Base of the executors. It sleeps on the middleware's wait set: nothing is polled.

    A round tries each ready entity once (timers, then readers, guard conditions, tasks) before it looks for new work,
    so that no busy topic starves another.
    """

    def __init__(self, *, context: Context | None = None) -> None:
        self._context = context or get_default_context()
        self._lock = threading.RLock()
        self._waiting = threading.RLock()  # held by the thread that looks for work
        self._nodes: list[Any] = []
        self._is_shutdown = False
        self._waiter: Waiter | None = None
        self._attached: set[Any] = set()
        self._pending: dict[Any, None] = {}  # entities that may have data, oldest first
        self._round: deque[Any] = deque()
        self._tasks: list[Task] = []
        self._claimed: set[Task] = set()  # handed out, and their step not over
        self._changed = True  # the nodes' entities, since the wait set was last fitted to them
        self._context._executors.add(self)

    @property
    def context(self) -> Context:
        return self._context

    def create_task(self, callback: Any, *args: Any, **kwargs: Any) -> Task:
        """Run a function or coroutine in this executor."""
        task = Task(callback, args, kwargs, executor=self)
        with self._lock:
            self._tasks.append(task)
        self.wake()
        return task

    def add_node(self, node: Any) -> bool:
        """False where the node is in already; a node belongs to one executor."""
        with self._lock:
            if node in self._nodes:
                return False
            self._nodes.append(node)
        node.executor = self
        self._entities_changed()
        return True

    def remove_node(self, node: Any) -> None:
        with self._lock:
            if node in self._nodes:
                self._nodes.remove(node)
        self._entities_changed()

    def get_nodes(self) -> list[Any]:
        return list(self._nodes)

    def wake(self) -> None:
        """End the current wait, so that work other than received data is looked at."""
        waiter = self._waiter
        if waiter is not None:
            waiter.wake()

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Stop spinning and let go of the nodes; False when the time is over before. No or a negative time waits on.

        Whoever spins in another thread may still be in a callback.
        """
        self._is_shutdown = True
        self.wake()
        if not self._waiting.acquire(timeout=-1 if timeout_sec is None or timeout_sec < 0 else timeout_sec):
            return False
        try:
            self._release()
        finally:
            self._waiting.release()
        with self._lock:
            self._nodes.clear()
        return True

    def spin(self) -> None:
        """Run callbacks until the executor is shut down; ExternalShutdownException when the context ends a wait."""
        while self._context.ok() and not self._is_shutdown:
            self.spin_once()

    def spin_until_future_complete(self, future: Future, timeout_sec: float | None = None) -> None:
        future.add_done_callback(lambda _: self.wake())
        deadline = None if timeout_sec is None or timeout_sec < 0 else time.monotonic() + timeout_sec
        while self._context.ok() and not future.done() and not future.cancelled() and not self._is_shutdown:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            self._spin_once(left, lambda: future.done() or future.cancelled())
            if left == 0:
                return

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Run what is ready first; return when nothing is within the time-out."""
        self._spin_once(timeout_sec, lambda: False)

    def spin_once_until_future_complete(self, future: Future, timeout_sec: float | None = None) -> None:
        future.add_done_callback(lambda _: self.wake())
        self._spin_once(timeout_sec, lambda: future.done() or future.cancelled())

    def __enter__(self) -> Executor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    def _spin_once(self, timeout_sec: float | None, condition: Callable[[], bool]) -> None:
        try:
            with self._waiting:
                run = self._begin(self._wait_for_work(timeout_sec, condition))
        except (TimeoutException, ShutdownException, ConditionReachedException):
            return
        run()

    def _begin(self, work: Work) -> Work:
        """What the spinning thread runs for the work; the executor is not shut down before it is known."""
        raise NotImplementedError

    def _wait_for_work(self, timeout_sec: float | None, condition: Callable[[], bool]) -> Work:
        deadline = None if timeout_sec is None or timeout_sec < 0 else time.monotonic() + timeout_sec
        while True:
            if self._is_shutdown:
                raise ShutdownException()
            if not self._context.ok():
                raise ExternalShutdownException()
            if condition():
                raise ConditionReachedException()
            if self._waiter is None:
                self._waiter = self._context._transport.create_waiter()
                continue  # whoever ended or woke the executor meanwhile found nothing to wake
            if self._changed:
                self._round.clear()  # it may hold entities of a node that has left
            while self._round:
                if (work := self._claim(self._round.popleft())) is not None:
                    return work
            self._start_round(deadline)
            if not self._round and deadline is not None and time.monotonic() >= deadline:
                raise TimeoutException()

    def _start_round(self, deadline: float | None) -> None:
        """Gather what may be ready, sleeping first if nothing is."""
        assert self._waiter is not None
        if self._changed:
            self._fit_waiter()
        timers = [timer for node in self.get_nodes() for timer in node.timers]
        if any(map(self._runnable, self._candidates(timers))):
            timeout: float | None = 0.0
        else:
            # A timer whose group is busy has no say: the end of what keeps the group wakes the executor.
            free = filter(_group_is_free, timers)
            waits = [wait for timer in free if (wait := timer._seconds_to_wait()) is not None]
            if deadline is not None:
                waits.append(deadline - time.monotonic())
            timeout = max(0.0, min(waits)) if waits else None
        self._pending.update(dict.fromkeys(self._waiter.wait(timeout)))
        self._round.extend(filter(self._runnable, self._candidates(timers)))

    def _candidates(self, timers: list[Any]) -> list[Any]:
        guards = [guard for node in self.get_nodes() for guard in node.guards]
        with self._lock:
            return [*timers, *self._pending, *guards, *self._tasks]

    def _runnable(self, entity: Any) -> bool:
        if isinstance(entity, Task):
            return entity not in self._claimed and entity.ready()
        return entity._may_have_work() and _group_is_free(entity)

    def _claim(self, entity: Any) -> Work | None:
        """Take one piece of work from an entity, with the right of its callback group to run it."""
        if isinstance(entity, Task):
            if not self._runnable(entity):
                return None
            self._claimed.add(entity)
            return lambda: self._step(entity)
        group = entity.callback_group
        if group is not None and not group.beginning_execution(entity):
            return None
        work = entity._take_work()
        if work is None:
            if group is not None:
                group.ending_execution(entity)
            self._pending.pop(entity, None)
            return None
        if entity in self._pending:  # there may be more: the next turn comes after the others'
            del self._pending[entity]
            self._pending[entity] = None
        return lambda: self._run(entity, work)

    def _run(self, entity: Any, work: Work) -> None:
        waiting = False
        try:
            result = work()
            if isawaitable(result):
                task = self.create_task(result)
                task.add_done_callback(lambda _: self._end_execution(entity))
                waiting = True
        finally:
            if not waiting:
                self._end_execution(entity)

    def _end_execution(self, entity: Any) -> None:
        if entity.callback_group is not None:
            entity.callback_group.ending_execution(entity)

    def _step(self, task: Task) -> None:
        task()
        self._claimed.discard(task)
        if task.done() or task.cancelled():
            with self._lock:
                if task in self._tasks:
                    self._tasks.remove(task)
            if (error := task.exception()) is not None:
                raise error

    def _entities_changed(self) -> None:
        self._changed = True
        self.wake()

    def _fit_waiter(self) -> None:
        self._changed = False
        assert self._waiter is not None
        wanted = {entity for node in self.get_nodes() for entity in node._received_entities()}
        for entity in self._attached - wanted:
            self._waiter.detach(entity)
            self._pending.pop(entity, None)
        attached = self._attached & wanted
        for entity in wanted - attached:
            with suppress(ClosedError):  # destroyed meanwhile, by another thread
                self._waiter.attach(entity._reader, entity)
                self._pending[entity] = None  # data may have come before
                attached.add(entity)
        self._attached = attached

    def _release(self) -> None:
        """Let go of the middleware, once no thread waits on it any more: whoever calls has ended the waits."""
        with self._waiting:
            waiter, self._waiter = self._waiter, None
            self._attached.clear()
            self._changed = True
            if waiter is not None:
                waiter.close()


def _group_is_free(entity: Any) -> bool:
    return entity.callback_group is None or entity.callback_group.can_execute(entity)


class SingleThreadedExecutor(Executor):
    """Runs callbacks in the thread that spins."""

    def _begin(self, work: Work) -> Work:
        return work


class MultiThreadedExecutor(Executor):
    """Runs callbacks in a pool of threads (a processor each, at least two). The context's end just ends its spin."""

    def __init__(self, num_threads: int | None = None, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        threads = num_threads if num_threads is not None else max(os.cpu_count() or 2, 2)
        self._worker = threading.local()
        self._pool = ThreadPoolExecutor(threads, "rclpy executor", initializer=self._mark_worker)
        self._running: list[PoolFuture] = []

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Also wait for the callbacks' end; False when the time is over before."""
        deadline = None if timeout_sec is None or timeout_sec < 0 else time.monotonic() + timeout_sec
        if not super().shutdown(timeout_sec):
            return False
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        # A callback that shuts its executor down cannot wait for its own end.
        from_callback = hasattr(self._worker, "here")
        running = wait_for_all(list(self._running), 0.0 if from_callback else left).not_done
        self._pool.shutdown(wait=not running)
        return not running

    def _mark_worker(self) -> None:
        self._worker.here = True

    def _spin_once(self, timeout_sec: float | None, condition: Callable[[], bool]) -> None:
        with suppress(ExternalShutdownException):
            super()._spin_once(timeout_sec, condition)

    def _begin(self, work: Work) -> Work:
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self.wake())  # its callback group is free for others
        self._running.append(future)
        return self._raise_errors

    def _raise_errors(self) -> None:
        """Raise what an ended callback raised."""
        for done in [future for future in self._running if future.done()]:
            self._running.remove(done)
            done.result()
